"""The ways to die at a point, and what comes after."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from crash.disk import Image
from crash.jobs import Answer, Jobs
from crash.life import Play, next_life, read_image
from crash.recorder import Recorder
from crash.stories import Story
from crash.verdict import quiet, survive

POLLS = frozenset({"read", "open", "close"})
"""Calls of a device that change nothing and come all the time."""

DOWN_S = 200.0
"""Longer than any timer that a device may have armed."""

FIRST_DEATHS = frozenset(
    {"after Store.create", "after Store.transition", "before Device.apply"}
    | {"after Device.apply", "after Device.confirm", "after Store.bar"}
)
"""The deaths from which a recovery is killed in its turn: at each step that something was left behind by."""


class Death(Protocol):
    def visit(self, play: Play, number: int, name: str) -> None: ...

    def pass_by(self) -> None: ...

    def end(self) -> None: ...


class Killed:
    """The process ends; the machine and its disk go on. ``after``: how the next life begins."""

    def __init__(self, way: str, after: dict[str, Any], story: Story, work: Path, jobs: Jobs) -> None:
        self.way = way
        self.story = story
        self.work = work
        self.jobs = jobs
        self._after = after

    def visit(self, play: Play, number: int, name: str) -> None:
        image = read_image(self.work / "first")
        work = partial(die, play, image, self.work / str(number), **self._after)
        self.jobs.start(self.about(str(number), name), work)

    def about(self, point: str, name: str, how: str = "everything") -> Answer:
        return Answer(way=self.way, story=self.story.name, point=point, name=name, how=how)

    def pass_by(self) -> None:
        """A point at which nobody dies this time."""

    def end(self) -> None:
        """Nothing more comes."""


class Cut(Killed):
    """The machine loses its power: of what was not synced nothing is left, or all, or some."""

    def __init__(self, story: Story, work: Path, jobs: Jobs) -> None:
        super().__init__("cut", {}, story, work, jobs)
        self._recorder = Recorder(work / "first", work / "record")

    def visit(self, play: Play, number: int, name: str) -> None:
        cuts, disk = self._recorder.cuts(), self._recorder.disk
        if disk.left(disk.unsynced) != read_image(self.work / "first"):
            raise AssertionError(f"{number} {name}: something was written that was not recorded")
        for nth, cut in enumerate(cuts):
            work = partial(die, play, cut.image, self.work / f"{number}-{nth}", reboot=True)
            self.jobs.start(self.about(str(number), name, cut.how), work)

    def pass_by(self) -> None:
        self._recorder.cuts()  # what was synced before belongs to this point, and not to the next

    def end(self) -> None:
        self._recorder.stop()


class Again(Killed):
    """The process is killed, and the next one too, at each of its own calls while it recovers."""

    def __init__(self, story: Story, work: Path, jobs: Jobs) -> None:
        super().__init__("again", {}, story, work, jobs)

    def visit(self, play: Play, number: int, name: str) -> None:
        if name in FIRST_DEATHS:
            image = read_image(self.work / "first")
            work = partial(self._recover, play, image, str(number))
            self.jobs.start(self.about(str(number), name), work)

    def _recover(self, play: Play, image: Image, first: str) -> None:
        directory = self.work / first

        def visit(number: int, name: str) -> None:
            if name.split(".")[-1] not in POLLS:
                left = read_image(directory)
                work = partial(die, play, left, self.work / f"{first}-{number}")
                self.jobs.within(self.about(f"{first}, then {number}", name), work)

        try:
            next_life(play, image, directory, recover, visit=visit)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


async def recover(play: Play) -> None:
    """The life after the death, until it has dealt with what was left."""
    async with play.rig.agent() as agent:
        await quiet(play, agent)
        play.reaper.armed = False


def die(play: Play, image: Image, directory: Path, **after: Any) -> None:
    """The next life, and the verdict on it."""
    try:
        next_life(play, image, directory, survive, **after)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


WAYS_TO_DIE: dict[str, Callable[[Story, Path, Jobs], Death]] = {
    "killed": partial(Killed, "killed", {}),
    "cut": Cut,
    "late": partial(Killed, "late", {"down_s": DOWN_S}),
    "again": Again,
    "replaced": partial(Killed, "replaced", {"holder": "another"}),
}

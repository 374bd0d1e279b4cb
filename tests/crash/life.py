"""The lives of one agent in a simulated world: the first, and whichever follow after a death."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from contained import contained
from crash.disk import Image
from crash.judge import Judge
from crash.stories import Story
from reaper import Reaper, Visit
from rig import Rig, until, world_of

from agent.agent import Agent
from agent.ledger import Ledger
from agent.simulated_time import SimulatedClock, SimulatedLoop
from drivers.simulated import worlds
from drivers.simulated.pump import Pump

P = ParamSpec("P")
T = TypeVar("T")
WARM_S = 50.0


class Inline(ThreadPoolExecutor):
    """Runs each job at once in the caller's thread: a process with one thread can be forked at any point."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # the caller gets it, whatever it is, as from a thread
            future.set_exception(error)
        return future


@dataclass(slots=True, kw_only=True)
class CrashRig(Rig):
    """A rig whose agents have no thread of their own."""

    def build(self) -> tuple[Agent, Ledger]:
        agent, ledger = Rig.build(self)
        ledger._desk.shutdown()
        ledger._readers.shutdown()
        ledger._desk = ledger._readers = ledger.backlog._thread = Inline()
        return agent, ledger


@dataclass(slots=True, kw_only=True)
class Play:
    """A story, the world in which it happens, and who watches. ``start``: what each radio had in force."""

    story: Story
    rig: CrashRig
    judge: Judge
    reaper: Reaper
    clock: SimulatedClock
    loop: SimulatedLoop
    start: dict[Any, Any]
    lives: int = 1


def first_life(story: Story, directory: Path, visit: Callable[[Play, int, str], None]) -> None:
    """Live a story to its end without a death; ``visit`` is told each point."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SimulatedLoop)
        loop.set_default_executor(Inline())
        play = _prepare(story, directory, SimulatedClock(loop), loop)
        play.reaper.visit = lambda number, name: visit(play, number, name)
        with worlds.registered("rig", play.rig.world, story.faults):
            with contained() as bugs:
                runner.run(_first(play))
            assert not bugs, bugs


def _prepare(story: Story, directory: Path, clock: SimulatedClock, loop: SimulatedLoop) -> Play:
    site = story.site()
    world = world_of(site, channels=story.channels, clients=story.clients)
    story.world(world)
    judge = Judge(world, site)
    reaper = Reaper(lambda number, name: None)
    rig = CrashRig(directory=directory, site=site, world=world, clock=clock, faults=story.faults)
    rig.wrap_store = lambda store: reaper.store(judge.store(store))
    rig.wrap_device = lambda device: reaper.device(judge.device(device))
    rig.wrap_audit = reaper.audit
    start = {key: world.in_force(key) for key in world.radio_keys()}
    return Play(story=story, rig=rig, judge=judge, reaper=reaper, clock=clock, loop=loop, start=start)


async def _first(play: Play) -> None:
    agent, ledger = play.rig.build()
    running = asyncio.create_task(agent.run(), name="agent")
    await agent.ready.wait()
    await until(lambda: (last := agent.memory.radios[play.rig.key].history.last) and last.at_s >= WARM_S)
    play.reaper.armed = True
    await play.story.tell(play.rig, agent)
    await until(lambda: all(c.final for c in agent.memory.changes.values()), limit_s=3000)
    play.reaper.tick("the end")
    play.reaper.armed = False
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await ledger.close()


def next_life(
    play: Play,
    image: Image,
    directory: Path,
    live: Callable[[Play], Any],
    *,
    reboot: bool = False,
    down_s: float = 0.0,
    holder: str = "simulation",
    visit: Visit | None = None,
) -> None:
    """In a process forked at the death: the machine has this image on its disk, and the agent starts.

    ``reboot``: the machine starts again too. ``down_s``: how long nobody lives. ``holder``: the agent that
    lives now, by its name in the lease. ``visit``: told the points of this life.
    """
    write_image(directory, image)
    asyncio._set_running_loop(None)
    loop = SimulatedLoop(play.loop.time() + down_s)
    loop.set_default_executor(Inline())
    play.lives += 1
    play.clock = play.rig.clock = play.clock.on(loop)
    play.loop = loop
    if reboot:
        play.clock.reboot()
    play.rig.directory, play.rig.holder = directory, holder
    play.rig.ids = ids_of(play.lives)
    play.reaper.calls, play.reaper.armed = 0, visit is not None
    if visit is not None:
        play.reaper.visit = visit
    stage = worlds.get("rig")
    stage.pump = Pump(stage.world)
    stage.world.attach(loop.time, lambda: None)
    stage.world.catch_up()
    with contained() as bugs, asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(live(play))
    assert not bugs, bugs


def ids_of(life: int) -> Callable[[], str]:
    """Ids that no other life gives."""
    state = {"last": 0}

    def next_id() -> str:
        state["last"] += 1
        return f"00000000-0000-7000-{0x8000 + life - 1:04x}-{state['last']:012d}"

    return next_id


def read_image(directory: Path) -> Image:
    """The files as a killed process leaves them; shared memory ends with it."""
    found = [path for path in directory.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def write_image(directory: Path, image: Image) -> None:
    directory.mkdir()
    for name, data in image.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, data)
        os.close(fd)

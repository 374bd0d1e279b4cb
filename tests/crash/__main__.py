"""python -m crash: dies at every point of every story, and tells what was not survived."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import structlog
from crash.deaths import POLLS, WAYS_TO_DIE
from crash.jobs import Answer, Jobs
from crash.life import Play, first_life
from crash.others import OTHERS
from crash.plans import PLANS
from crash.recorder import build
from crash.stories import OF_ONE_CHANGE, Story

from drivers.simulated import firmware

STORIES = {story.name: story for story in (*OF_ONE_CHANGE, *OTHERS, *PLANS)}
WAYS = {
    "killed": [*STORIES],
    "cut": ["held", "worse", "radar", "undone", "plan_stopped"],
    "late": ["held", "undone", "checked", "radar", "plan_stopped"],
    "again": ["held", "worse", "undone", "radar", "plan_stopped"],
    "replaced": ["held", "worse", "undone", "radar", "planned"],
}
"""The ways to die (see `crash.deaths`), and the stories that are told for each."""

SHARES = {("again", "plan_stopped"): 0.25}
"""Of the points at which the first process is killed, where whole plans are lived again from each."""

WORK = "RRMD_CRASH_WORK"
"""The directory of this run; set when the recorder is preloaded."""


def main() -> int:
    options = _options()
    if WORK not in os.environ:
        return _record(_work_directory())
    work = Path(os.environ[WORK])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    firmware.RESTART_S = 0.5  # read-backs of a silent radio are all alike
    jobs = Jobs(work / "answers", options.jobs)
    for way in options.ways or WAYS:
        for name in options.stories or WAYS[way]:
            _try(way, STORIES[name], work / way / name, jobs, options)
    return _tell(jobs.answers())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument(
        "stories", nargs="*", type=_story, help="default: those that are told for each way to die"
    )
    parser.add_argument("--ways", nargs="*", choices=WAYS, help="ways to die; default: all")
    parser.add_argument("--brief", action="store_true", help="not at the polls between the steps of a change")
    parser.add_argument("--share", type=float, default=1.0, help="of the points, for a quick look")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    return parser.parse_args()


def _story(name: str) -> str:
    """A story's name; argparse's own choices refuse an empty list."""
    if name not in STORIES:
        raise argparse.ArgumentTypeError(f"no story {name!r} (choose from {', '.join(STORIES)})")
    return name


def _work_directory() -> Path:
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return Path(tempfile.mkdtemp(prefix="crash-", dir=base))


def _record(work: Path) -> int:
    """The same command with the recorder in it, and its exit code."""
    try:
        again = {**os.environ, WORK: str(work), "LD_PRELOAD": str(build(work))}
        return subprocess.run(
            [sys.executable, "-m", "crash", *sys.argv[1:]], env=again, check=False
        ).returncode
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _try(way: str, story: Story, work: Path, jobs: Jobs, options: argparse.Namespace) -> None:
    """Die in this way at every point of one story."""
    begun_s = time.monotonic()
    first = work / "first"
    first.mkdir(parents=True)
    death = WAYS_TO_DIE[way](story, work, jobs)
    share = story.share * SHARES.get((way, story.name), 1.0) * options.share

    def visit(play: Play, number: int, name: str) -> None:
        drawn = Random(f"{story.name} {number}").random() < share
        if drawn and not (options.brief and name.split(".")[-1] in POLLS):
            death.visit(play, number, name)
        else:
            death.pass_by()

    first_life(story, first, visit)
    death.end()
    jobs.finish()
    mine = [answer for answer in jobs.answers() if (answer.story, answer.way) == (story.name, way)]
    _progress(f"{way}: {story.name}", mine, time.monotonic() - begun_s)


def _progress(name: str, answers: list[Answer], took_s: float) -> None:
    failed = sum(answer.why is not None for answer in answers)
    cpu_s = sum(answer.cpu_s for answer in answers)
    print(
        f"{name}: {len(answers)} points, {failed} failed, {took_s:.1f} s, {cpu_s:.1f} CPU s", file=sys.stderr
    )


def _tell(answers: list[Answer]) -> int:
    """Each failure, then the one line by which it is judged."""
    failed = [answer for answer in answers if answer.why is not None]
    for answer in failed:
        print(f"{answer}:\n{answer.why}", file=sys.stderr)
    for story, times in Counter(f"{answer.way}: {answer.story}" for answer in failed).items():
        print(f"{story}: {times} not survived", file=sys.stderr)
    sys.stderr.flush()
    print(f"crash points: {len(answers)} tried, {len(answers) - len(failed)} survived", flush=True)
    return 1 if failed or not answers else 0


if __name__ == "__main__":
    sys.exit(main())

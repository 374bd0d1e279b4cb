"""python -m crash: dies at every point of every story, and tells what was not survived."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import structlog
from crash.jobs import Answer, Jobs
from crash.life import Image, Play, first_life, next_life, read_image
from crash.stories import STORIES, Story
from crash.verdict import survive

from drivers.simulated import firmware


def main() -> int:
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    firmware.RESTART_S = 0.5  # read-backs of a silent radio are all alike
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    work = Path(tempfile.mkdtemp(prefix="crash-", dir=base))
    try:
        answers = _try_all([STORIES[name] for name in options.stories or STORIES], work, options.jobs)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return _tell(answers)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("stories", nargs="*", choices=[*STORIES, []], help="default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    return parser.parse_args()


def _try_all(stories: list[Story], work: Path, most: int) -> list[Answer]:
    jobs = Jobs(work / "answers", most)
    for story in stories:
        begun_s = time.monotonic()
        _try(story, work / story.name, jobs)
        mine = [answer for answer in jobs.answers() if answer.story == story.name]
        _progress(story.name, mine, time.monotonic() - begun_s)
    return jobs.answers()


def _try(story: Story, work: Path, jobs: Jobs) -> None:
    """Die at every point of one story."""
    work.mkdir()
    first = work / "first"
    first.mkdir()

    def visit(play: Play, number: int, name: str) -> None:
        image = read_image(first)
        about = Answer(story=story.name, point=str(number), name=name, how="killed")
        jobs.start(about, partial(_die, play, image, work / str(number)))

    first_life(story, first, visit)
    jobs.finish()


def _die(play: Play, image: Image, directory: Path) -> None:
    try:
        next_life(play, image, directory, survive)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


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
        print(f"{answer.story} {answer.point} {answer.how}, {answer.name}:\n{answer.why}", file=sys.stderr)
    for story, times in Counter(answer.story for answer in failed).items():
        print(f"{story}: {times} not survived", file=sys.stderr)
    sys.stderr.flush()
    print(f"crash points: {len(answers)} tried, {len(answers) - len(failed)} survived", flush=True)
    return 1 if failed or not answers else 0


if __name__ == "__main__":
    sys.exit(main())

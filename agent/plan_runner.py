"""A plan made in a process of its own, so that what planning loads and eats is not the daemon's.

The process gets one JSON object and gives back plans, a line each, of which the last counts
(`agent.plan_child`). Whatever becomes of it, who asked gets an answer or one sentence, and nothing else
happens.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from agent.json_text import rendered
from agent.plan_child import PROOF_S
from agent.planner.site.plan import Wishes

MEMORY_MB: Final = 2048
"""Addresses, not pages: a plan of 1,000 radios uses a quarter of it."""

GRACE_S: Final = 20.0
"""For starting, reading the site and writing the plan, beside the time of the search and of the proof."""

ANSWER_MOST: Final = 64 * 1024 * 1024
SAID_MOST: Final = 64 * 1024
"""Bytes that are read of what the process writes on stderr; the rest is dropped."""

COMMAND: Final = (sys.executable, "-P", "-m", "agent.plan_child")
"""``-P``: what lies in the directory where somebody is just now is not for the planner to load."""
_ROOT: Final = Path(__file__).resolve().parents[1]
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

log = structlog.get_logger(__name__)


def most_s(wishes: Wishes) -> float:
    """How long to wait for a plan with these wishes."""
    return wishes.limit_s + (PROOF_S if wishes.exact else 0.0) + GRACE_S


class PlanningFailed(Exception):
    """There is no plan; the message says why, and nothing was changed. Ask again, with less or with more
    time, or correct the snapshot."""


async def plan_of(
    snapshot: Mapping[str, Any],
    wishes: Mapping[str, Any],
    *,
    limit_s: float,
    memory_mb: int = MEMORY_MB,
    command: Sequence[str] = COMMAND,
) -> dict[str, Any]:
    """The last plan of a site that the process had, as JSON. ``limit_s``: then it is killed; `most_s`.

    PlanningFailed: also where the site can't be planned.
    """
    rest = rendered({"wishes": wishes, "limit_s": limit_s, "memory_mb": memory_mb})
    asked = f'{{"snapshot":{rendered(snapshot)},{rest[1:]}'.encode()
    process = await _started(command)
    said = bytearray()
    why: str | None = f"had no plan within {limit_s:g} s and was ended"
    try:
        async with asyncio.timeout(limit_s):
            await _talk(process, asked, said)
            why = _end(await process.wait(), memory_mb)
    except TimeoutError:
        pass  # with what it has said
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return _answer(said, why)


async def _started(command: Sequence[str]) -> Process:
    """With none of the daemon's own environment: secrets may lie there."""
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": os.defpath, "PYTHONPATH": str(_ROOT), **_ONE_THREAD},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise PlanningFailed(f"the planner can't be started: {error.strerror}") from error


async def _talk(process: Process, asked: bytes, said: bytearray) -> None:
    """``said``: what it says on stdout goes there."""
    assert process.stdin is not None  # noqa: S101 -- started with pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_write(process.stdin, asked), name="plan-asked")
        tasks.create_task(_log(process.stderr), name="plan-said")
        tasks.create_task(_read(process.stdout, said, ANSWER_MOST), name="plan-answer")


async def _write(stdin: asyncio.StreamWriter, asked: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended early: its code says so
        stdin.write(asked)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _read(stream: asyncio.StreamReader, said: bytearray, most: int) -> None:
    """All that comes; the first ``most`` bytes of it go to ``said``."""
    while part := await stream.read(65_536):
        said += part[: most - len(said)]


async def _log(stderr: asyncio.StreamReader) -> None:
    said = bytearray()
    await _read(stderr, said, SAID_MOST)
    for line in said.decode(errors="replace").splitlines():
        log.warning("planner.said", text=line)


def _answer(said: bytes | bytearray, why: str | None) -> dict[str, Any]:
    """``why``: the process did not end well; None: it did. A plan that it had by then is one all the same."""
    lines = said.split(b"\n")[:-1]  # what no line end follows is not whole
    found = [each for each in map(_object, lines) if each is not None]
    plans = [plan for each in found if isinstance(plan := each.get("plan"), dict)]
    if plans:
        if why:
            log.warning("planner.ended_early", why=why)
        return plans[-1]
    for each in found:
        if isinstance(error := each.get("error"), str):
            raise PlanningFailed(error)
    raise PlanningFailed(f"the planner {why}" if why else "the planner's answer makes no sense; see the log")


def _object(said: bytes | bytearray) -> dict[str, Any] | None:
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _end(code: int, memory_mb: int) -> str | None:
    """How it ended, in words; None: well."""
    return f"{_death(code)}, with {memory_mb} MB to use; see the log" if code else None


def _death(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"died of {signal.Signals(-code).name}"
    except ValueError:
        return f"died of signal {-code}"

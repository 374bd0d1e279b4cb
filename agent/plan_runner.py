"""A plan made in a process of its own, so that what planning loads and eats is not the daemon's.

The process gets one JSON object and gives one back (`agent.plan_child`). Whatever becomes of it, who asked
gets an answer or one sentence, and nothing else happens.
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

MEMORY_MB: Final = 2048
"""Addresses, not pages: a plan of 1,000 radios uses a quarter of it."""

GRACE_S: Final = 20.0
"""For starting, reading the site and writing the plan, beside the time that the search was given."""

ANSWER_MOST: Final = 64 * 1024 * 1024
SAID_MOST: Final = 64 * 1024
"""Bytes that are read of what the process writes on stderr; the rest is dropped."""

COMMAND: Final = (sys.executable, "-m", "agent.plan_child")
_ROOT: Final = Path(__file__).resolve().parents[1]
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

log = structlog.get_logger(__name__)


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
    """The plan of a site as JSON. ``limit_s``: then the process is killed; more than what the wishes give to
    the search and to the proof.

    PlanningFailed: also where the site can't be planned.
    """
    rest = rendered({"wishes": wishes, "limit_s": limit_s, "memory_mb": memory_mb})
    asked = f'{{"snapshot":{rendered(snapshot)},{rest[1:]}'.encode()
    process = await _started(command)
    try:
        async with asyncio.timeout(limit_s):
            said = await _talk(process, asked)
            code = await process.wait()
    except TimeoutError:
        raise PlanningFailed(f"the planner had no plan within {limit_s:g} s and was ended") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return _answer(said, code, memory_mb)


async def _started(command: Sequence[str]) -> Process:
    """With none of the daemon's own environment: secrets may lie there."""
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": os.defpath, "PYTHONPATH": str(_ROOT), **_ONE_THREAD},
            start_new_session=True,
        )
    except OSError as error:
        raise PlanningFailed(f"the planner can't be started: {error.strerror}") from error


async def _talk(process: Process, asked: bytes) -> bytes:
    assert process.stdin is not None  # noqa: S101 -- started with pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_write(process.stdin, asked), name="plan-asked")
        tasks.create_task(_log(process.stderr), name="plan-said")
        answer = tasks.create_task(_read(process.stdout, ANSWER_MOST), name="plan-answer")
    return answer.result()


async def _write(stdin: asyncio.StreamWriter, asked: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended early: its code says so
        stdin.write(asked)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    """All that comes, and the first ``most`` bytes of it."""
    parts, left = [], most
    while part := await stream.read(65_536):
        parts.append(part[:left])
        left -= len(parts[-1])
    return b"".join(parts)


async def _log(stderr: asyncio.StreamReader) -> None:
    said = (await _read(stderr, SAID_MOST)).decode(errors="replace")
    for line in said.splitlines():
        log.warning("planner.said", text=line)


def _answer(said: bytes, code: int, memory_mb: int) -> dict[str, Any]:
    found = _object(said)
    if found is not None and isinstance(error := found.get("error"), str):
        raise PlanningFailed(error)
    if code != 0:
        raise PlanningFailed(f"the planner {_death(code)}, with {memory_mb} MB to use; see the log")
    if found is None or not isinstance(plan := found.get("plan"), dict):
        raise PlanningFailed("the planner's answer makes no sense; see the log")
    return plan


def _object(said: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _death(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"died of {signal.Signals(-code).name}"
    except ValueError:
        return f"died of signal {-code}"

"""The campaigns of `make fuzz` in short, and that they see what they are for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from fuzz.campaign import AT, Feed, Hang, run
from fuzz.control_socket import REQUESTS
from fuzz.targets import TARGETS
from fuzzing import SEED

from agent.api import protocol

RUNS = {"site-yaml": 60, "control-socket": 12, "trap-listener": 25}


def test_each_target_has_its_short_form() -> None:
    assert RUNS.keys() == TARGETS.keys()


def test_each_operation_is_asked_for() -> None:
    assert {request["op"] for request in REQUESTS} == set(protocol.ARGS)


@pytest.mark.parametrize("name", sorted(RUNS))
def test_nothing_crashes_and_nothing_hangs(name: str) -> None:
    assert run(TARGETS[name], seed=SEED, seconds=100.0, runs=RUNS[name]).runs == RUNS[name]


class Broken:
    """A target that does something wrong at its fourth input."""

    name = "broken"
    limit_s = 0.2

    def __init__(self, wrong: Any) -> None:
        self._wrong = wrong
        self._fed = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Feed]:
        yield self

    async def one(self, dice: Random) -> None:
        self._fed += 1
        if self._fed == 4:
            await self._wrong()

    async def over(self) -> Mapping[str, Any]:
        return {}


async def _raises() -> None:
    raise ZeroDivisionError


async def _never_ends() -> None:
    await asyncio.Event().wait()


async def _never_lets_go() -> None:
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        pass


@pytest.mark.parametrize(
    ("wrong", "seen"), [(_raises, ZeroDivisionError), (_never_ends, Hang), (_never_lets_go, Hang)]
)
def test_harm_is_seen_and_can_be_made_again(wrong: Any, seen: type[BaseException]) -> None:
    with pytest.raises(seen) as caught:
        run(Broken(wrong), seed=5, seconds=100.0, runs=10)
    assert "fuzz.campaign broken --seed 5 --first 3 --runs 1" in caught.value.__notes__[-1]
    at = AT / f"broken-{os.getpid()}.at"
    assert at.read_text().strip() == "--seed 5 --first 3"
    at.unlink()


def test_an_input_depends_on_its_number_alone() -> None:
    target = TARGETS["site-yaml"]
    whole = run(target, seed=3, seconds=100.0, runs=10).told
    parts = [run(target, seed=3, seconds=100.0, first=at, runs=5).told or {} for at in (0, 5)]
    assert whole == {name: sum(part.get(name, 0) for part in parts) for name in (whole or {})}

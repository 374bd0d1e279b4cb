"""A bug in one site's affairs costs that site one turn, and is told once; a lost disk is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from agent.counts import Count, Counts
from agent.site_turns import SiteTurns
from agent.store.errors import StoreUnavailable
from agent.supervisor import Supervisor
from inventory.model import RadioKey

Told = Callable[[str, str, RadioKey | None], None]


def turns_of(counts: Counts, told: Told, lost: Callable[[str], None]) -> SiteTurns:
    return SiteTurns("plans", Supervisor(asyncio.TaskGroup(), counts, told), lost)


async def fail(error: Exception | None) -> None:
    if error is not None:
        raise error


def test_a_fault_is_told_once_until_a_turn_goes_well() -> None:
    told: list[tuple[str, str, object]] = []
    counts = Counts()
    turns = turns_of(counts, lambda *said: told.append(said), lambda _: pytest.fail("the disk is well"))

    async def all_of_them() -> None:
        for error in (KeyError("x"), KeyError("x"), None, KeyError("y")):
            await turns.take("a", fail(error))
            await turns.take("b", fail(None))

    with capture_logs() as logs:
        asyncio.run(all_of_them())
    assert told == [
        ("a", "a bug: plans-a failed and is tried again: KeyError: 'x'", None),
        ("a", "a bug: plans-a failed and is tried again: KeyError: 'y'", None),
    ]
    assert counts.of(Count.FAILURES) == {("a", "plans"): 3}
    assert [(each["event"], each["loop"], each["times"]) for each in logs] == [
        ("loop.failed", "plans-a", times) for times in (1, 2, 1)
    ]


def test_a_lost_disk_is_no_bug() -> None:
    counts, lost = Counts(), list[str]()
    turns = turns_of(counts, lambda *_: pytest.fail("told"), lost.append)
    with capture_logs() as logs:
        asyncio.run(turns.take("a", fail(StoreUnavailable("gone"))))
    assert lost == ["a"]
    assert counts.of(Count.FAILURES) == {}
    assert [(each["event"], each["loop"], each["site"]) for each in logs] == [
        ("loop.waits_for_the_disk", "plans", "a")
    ]

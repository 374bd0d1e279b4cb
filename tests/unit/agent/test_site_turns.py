"""A bug in one site's affairs costs that site one turn, and is told once."""

from __future__ import annotations

import asyncio

import pytest

from agent.counts import Count, Counts
from agent.site_turns import SiteTurns
from agent.store.errors import StoreUnavailable


async def fail(error: Exception | None) -> None:
    if error is not None:
        raise error


def test_a_fault_is_told_once_until_a_turn_goes_well() -> None:
    told: list[tuple[str, str, None]] = []
    counts = Counts()
    turns = SiteTurns("plans", counts, lambda *said: told.append(said))

    async def all_of_them() -> None:
        for error in (KeyError("x"), KeyError("x"), None, KeyError("y")):
            await turns.take("a", fail(error))
            await turns.take("b", fail(None))

    asyncio.run(all_of_them())
    assert told == [
        ("a", "a bug: plans of a failed and is tried again: KeyError: 'x'", None),
        ("a", "a bug: plans of a failed and is tried again: KeyError: 'y'", None),
    ]
    assert counts.of(Count.FAILURES) == {("a", "plans"): 3}


def test_a_lost_disk_is_no_bug() -> None:
    turns = SiteTurns("plans", Counts(), lambda *_: pytest.fail("told"))
    with pytest.raises(StoreUnavailable):
        asyncio.run(turns.take("a", fail(StoreUnavailable("gone"))))

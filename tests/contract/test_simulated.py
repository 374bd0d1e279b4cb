"""The contract, kept by the simulated driver, in simulated time: whatever takes its time is tried too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from contract.simulated_case import CHANGES, NAME, simulated_case
from contract.suite import Case, Contract

from agent.simulated_time import SimulatedLoop
from drivers.simulated import worlds

T = TypeVar("T")


class TestSimulated(Contract):
    @pytest.fixture(
        params=[
            *((name, {}) for name in CHANGES),
            ("csa", {"undo_timer": False}),
            ("obss_pd", {"obss_pd_acts": False}),
        ],
        ids=str,
    )
    def case(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
        monkeypatch.setattr(asyncio, "run", in_simulated_time)
        name, options = request.param
        yield simulated_case(name, **options)
        worlds.forget(NAME)


def in_simulated_time(story: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(story)

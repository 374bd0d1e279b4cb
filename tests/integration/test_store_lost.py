"""The store is lost in the middle of a change: the answer to a commit, the commit, the server, the network.

Whatever was lost, the agent observes only until the store answers, then goes on from what it says: nothing
is sent twice, and each step is audited once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from integration.commit_proxy import Lost, commits_through
from integration.postgres import Server
from rig import Rig, rig_of, until

from agent.agent import Agent
from agent.change import Actor, Change, State, Trigger
from agent.clock import Clock
from agent.course import Interrupt
from agent.events import EventKind
from agent.simulated_time import run
from agent.store.errors import StoreUnavailable
from agent.store.store import Store

PERSON = Actor(type="operator", uid=1000, name="ann")


class Losing(Protocol):
    """How a commit is lost: ``url`` of the store, and ``call`` makes the one call with it."""

    url: str | None

    def call(self, work: Callable[[], Any], lost: Lost) -> Any: ...


class LosingFile:
    """SQLite: the disk fails before the commit, or fails to say that it was done."""

    url: str | None = None

    def call(self, work: Callable[[], Any], lost: Lost) -> Any:
        if lost == "answer":
            work()
        raise StoreUnavailable("disk I/O error")


@contextmanager
def losing_file(_request: pytest.FixtureRequest) -> Iterator[Losing]:
    yield LosingFile()


@contextmanager
def losing_server(request: pytest.FixtureRequest) -> Iterator[Losing]:
    """PostgreSQL: the connection ends when the commit was sent, or before it arrives."""
    server: Server = request.getfixturevalue("server")
    with commits_through(server.port) as proxy:

        class OnTheWay:
            url: str | None = server.url(server.new_database(), port=proxy.port)

            def call(self, work: Callable[[], Any], lost: Lost) -> Any:
                proxy.lose = lost
                try:
                    return work()
                finally:
                    assert proxy.lost == 1, "the commit was not lost"

        yield OnTheWay()


@pytest.fixture(params=[losing_file, losing_server])
def losing(request: pytest.FixtureRequest) -> Iterator[Losing]:
    with request.param(request) as how:
        yield how


class OneLost:
    """A store that loses one step of a change, the first with this trigger."""

    def __init__(self, store: Store, trigger: Trigger, losing: Losing, lost: Lost) -> None:
        self._store = store
        self._trigger: Trigger | None = trigger
        self._losing = losing
        self._lost = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def transition(self, change: Change, trigger: Trigger, **how: Any) -> Change:
        def work() -> Change:
            return self._store.transition(change, trigger, **how)

        if trigger is not self._trigger:
            return work()
        self._trigger = None
        done: Change = self._losing.call(work, self._lost)
        return done


def counted(sent: list[Any]) -> Callable[[Any], Any]:
    def wrapped(device: Any) -> Any:
        send = device.apply

        async def apply(edit: Any, *args: Any, **kwargs: Any) -> Any:
            sent.append(edit)
            return await send(edit, *args, **kwargs)

        device.apply = apply
        return device

    return wrapped


async def opened(agent: Agent, rig: Rig) -> Change:
    await until(lambda: all(radio.reading for radio in agent.memory.radios.values()))
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


async def goes_on(agent: Agent, change: Change) -> Change:
    """The change, final, after the store was lost once and has come back."""
    await until(lambda: agent.memory.observing_only, limit_s=3600, step_s=0.1)
    await until(lambda: agent.memory.observing_only is None, limit_s=600)
    await until(lambda: agent.memory.changes[change.id].final, limit_s=7200)
    row = agent.ledger.store.change(change.id)
    assert row is not None
    assert row.state is agent.memory.changes[change.id].state
    return row


KEPT = [Trigger.START, Trigger.ACKED, Trigger.HELD]
TAKEN_BACK = [Trigger.UNDO, Trigger.UNDONE]


@pytest.mark.parametrize("lost", ["question", "answer"])
@pytest.mark.parametrize("trigger", KEPT + TAKEN_BACK)
def test_a_commit_whose_outcome_is_unknown_is_looked_up(
    tmp_path: Path, losing: Losing, trigger: Trigger, lost: Lost
) -> None:
    sent: list[Any] = []

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.store_url = losing.url
            rig.wrap_store = lambda store: OneLost(store, trigger, losing, lost)
            rig.wrap_device = counted(sent)
            async with rig.agent() as agent:
                change = await opened(agent, rig)
                if trigger in TAKEN_BACK:
                    await agent.executor.settled(change.id, State.MONITORING)
                    agent.executor.interrupt(change.id, Interrupt(trigger=Trigger.UNDO, reason="by_hand", actor=PERSON))
                after = await goes_on(agent, change)
            begun = (trigger, lost) == (Trigger.START, "answer")  # stored as begun, and nothing was sent
            want = State.FAILED if begun else State.COMMITTED if trigger in KEPT else State.ROLLED_BACK
            assert after.state is want
            told = [r for r in rig.records() if r["change_id"] == change.id and r["kind"] == "transition"]
            assert len(told) == after.rev, "a step without its record, or a record without its step"
            rig.verify()
            assert len(sent) == {State.FAILED: 0, State.COMMITTED: 1}.get(want, 2)

    run(story)


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
from integration.postgres import NEEDS_POSTGRES, POSTGRES, Server, postgres
from integration.stalling_proxy import proxied
from rig import Rig, rig_of, until

from agent.agent import Agent
from agent.change import Actor, Change, State, Trigger
from agent.clock import Clock
from agent.course import Interrupt
from agent.events import EventKind
from agent.moment import Deadline
from agent.nop import Nop
from agent.simulated_time import run
from agent.store import postgresql
from agent.store.errors import StoreUnavailable
from agent.store.store import Store

PERSON = Actor(type="operator", uid=1000, name="ann")
UNDO = Interrupt(trigger=Trigger.UNDO, reason="by_hand", actor=PERSON)


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


@pytest.fixture
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
ENDS: dict[tuple[Trigger, Lost], State] = {
    (Trigger.START, "answer"): State.FAILED,  # stored as begun, and nothing was sent
    (Trigger.UNDO, "question"): State.COMMITTED,  # the person was told that it is still MONITORING
}


CASES: list[tuple[Any, Trigger, Lost]] = [
    *((losing_file, trigger, lost) for trigger in KEPT + TAKEN_BACK for lost in ("question", "answer")),
    *((losing_server, trigger, "answer") for trigger in KEPT + TAKEN_BACK),
    (losing_server, Trigger.START, "question"),
]


@pytest.mark.parametrize(
    ("losing", "trigger", "lost"),
    CASES,
    indirect=["losing"],
    ids=lambda one: getattr(one, "__name__", one),
)
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
                    agent.executor.interrupt(change.id, UNDO)
                after = await goes_on(agent, change)
            want = ENDS.get((trigger, lost), State.COMMITTED if trigger in KEPT else State.ROLLED_BACK)
            assert after.state is want
            told = [r for r in rig.records() if r["change_id"] == change.id and r["kind"] == "transition"]
            assert len(told) == after.rev, "a step without its record, or a record without its step"
            rig.verify()
            assert len(sent) == {State.FAILED: 0, State.COMMITTED: 1, State.ROLLED_BACK: 2}[want]

    run(story)


class Watched:
    """A store that is lost, and back again, at moments that a test chooses; beside the agent's own calls."""

    def __init__(self, agent: Agent, change: Change) -> None:
        self.agent = agent
        self.change = change

    async def is_lost(self) -> None:
        """Observing only, and the air is still watched."""
        await until(lambda: self.agent.memory.observing_only, limit_s=600)
        await until(lambda: not self.agent.executor.carries(self.change.id), limit_s=600)
        seen = {key: radio.reading for key, radio in self.agent.memory.radios.items()}
        await until(lambda: all(r.reading is not seen[k] for k, r in self.agent.memory.radios.items()))
        assert self.agent.memory.observing_only

    async def is_back(self) -> Change:
        await until(lambda: self.agent.memory.observing_only is None, limit_s=600)
        await until(lambda: self.agent.memory.changes[self.change.id].final, limit_s=7200)
        return self.agent.memory.changes[self.change.id]


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """One that may be stopped."""
    if POSTGRES is None:
        pytest.skip(NEEDS_POSTGRES)
    with postgres() as running:
        yield running


STATES = [State.APPLYING, State.MONITORING, State.ROLLING_BACK]


async def reached(agent: Agent, change: Change, state: State) -> None:
    if state is State.ROLLING_BACK:
        await agent.executor.settled(change.id, State.MONITORING)
        agent.executor.interrupt(change.id, UNDO)
    await agent.executor.settled(change.id, state)


@pytest.mark.parametrize("state", STATES)
def test_a_server_that_stops_in_the_middle_of_a_change(
    tmp_path: Path, own_server: Server, state: State
) -> None:
    sent: list[Any] = []

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            rig.store_url = own_server.url(own_server.new_database())
            rig.wrap_device = counted(sent)
            async with rig.agent() as agent:
                change = await opened(agent, rig)
                await reached(agent, change, state)
                own_server.stop("immediate")
                watched = Watched(agent, change)
                await watched.is_lost()
                nop = Nop(
                    site="lab", mhz20=5300, deadline=Deadline.after(clock.now(), 1800.0), by_radio=rig.key
                )
                agent.memory.bar([nop])
                own_server.start()
                await until(lambda: agent.memory.observing_only is None, limit_s=600)
                assert [nop.mhz20 for nop in agent.ledger.store.nops(clock.now())] == [5300]
                after = await watched.is_back()
                row = agent.ledger.store.change(change.id)
                assert row is not None
                assert after == row.brief
                assert after.state is (State.ROLLED_BACK if state is State.ROLLING_BACK else State.COMMITTED)
            rig.verify()
            assert len(sent) == (2 if state is State.ROLLING_BACK else 1)

    run(story)


def test_a_network_that_stands_still_is_a_lost_store(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_S", 1.0)
    monkeypatch.setitem(postgresql._CLIENT, "connect_timeout", 2)

    async def story(clock: Clock) -> None:
        with proxied(server.port) as proxy:
            async with rig_of(tmp_path, clock) as rig:
                rig.store_url = server.url(server.new_database(), port=proxy.port)
                async with rig.agent() as agent:
                    change = await opened(agent, rig)
                    await reached(agent, change, State.MONITORING)
                    proxy.stand_still()
                    watched = Watched(agent, change)
                    await watched.is_lost()
                    monkeypatch.setattr(postgresql, "AGAIN_S", 0.0)
                    proxy.mend()
                    after = await watched.is_back()
                    assert after.state is State.COMMITTED
                rig.verify()

    run(story)

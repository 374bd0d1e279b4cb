"""One change, from a drill to its verdict: proven, and undone where it did harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig import Rig, final, rig_of, site_of, until

from agent.agent import Agent
from agent.api.errors import Refused
from agent.change import Actor, Change, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from agent.view import values_of
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import Setting
from inventory.channels import block
from inventory.model import Band

READS = (Operation.READ, Operation.READ_CONFIG, Operation.OPEN)
PERSON = Actor(type="operator", uid=1000, name="ann")


async def warm(rig: Rig, agent: Agent, seconds: float = 400.0) -> None:
    """Until the radio has a baseline."""
    await until(lambda: (last := agent.memory.radios[rig.key].history.last) and last.at_s >= seconds)


def test_a_drill_that_does_no_harm_is_held(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await warm(rig, agent)
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None, done.decision
            change = await final(agent, done.change)
            assert change.state is State.COMMITTED, (change.verdict, rig.records()[-3:])
            assert rig.block().primary == 161
        assert rig.steps(change.id) == ["PLANNED", "APPLYING", "MONITORING", "COMMITTED"]
        rig.verify()

    run(story)


async def drill(rig: Rig, agent: Agent, channel: int = 161, width_mhz: int | None = None) -> Change:
    """A drill to a channel, carried out; the radio has a baseline first."""
    await warm(rig, agent)
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=channel, width_mhz=width_mhz, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


def test_a_change_that_makes_retries_worse_goes_back(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            rig.world.spoil(rig.key, block(Band.GHZ_5, 161, 20), 4.0)
            before = rig.block()
            opened = await drill(rig, agent)
            token = agent.changes.token(opened)
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.ROLLED_BACK, "WORSE")
            assert rig.block() == before
            with pytest.raises(Refused, match="used already"):
                await agent.operator.rollback(token, PERSON)
        assert rig.steps(change.id) == ["PLANNED", "APPLYING", "MONITORING", "ROLLING_BACK", "ROLLED_BACK"]
        rig.verify()

    run(story)


def test_a_person_takes_back_an_open_change(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            before = rig.block()
            opened = await drill(rig, agent)
            await agent.executor.settled(opened.id, State.MONITORING)
            await agent.operator.rollback(agent.changes.token(opened), PERSON)
            change = await final(agent, opened)
            assert change.state is State.ROLLED_BACK
            assert rig.block() == before
        assert [r["actor"]["name"] for r in rig.records() if r["to_state"] == "ROLLING_BACK"] == ["ann"]

    run(story)


def test_a_person_takes_back_a_committed_change_by_a_new_one(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            before = rig.block()
            change = await final(agent, await drill(rig, agent))
            assert change.state is State.COMMITTED
            undo = await agent.operator.rollback(agent.changes.token(change), PERSON)
            undone = await final(agent, undo)
            assert (undone.state, undone.undo_of) == (State.COMMITTED, change.id)
            assert rig.block() == before
            with pytest.raises(Refused, match="used already"):
                await agent.operator.rollback(agent.changes.token(change), PERSON)

    run(story)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault(Kind.TIMEOUT), State.ROLLED_BACK),
        (Fault(Kind.TIMEOUT_DONE), State.COMMITTED),  # the lost ack: proven by reading back
        (Fault(Kind.REFUSED), State.FAILED),
        (Fault(Kind.NOT_DONE), State.ROLLED_BACK),  # success reported, and not done
        (Fault(Kind.DISCONNECT), State.ROLLED_BACK),
        (Fault(Kind.DISCONNECT_DONE), State.COMMITTED),
        (
            Fault(
                Kind.DONE_WRONG,
                values={Setting.CHANNEL: 153, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: 5765},
            ),
            State.SUPERSEDED,
        ),
        (Fault(Kind.DONE_LATE, after_s=200.0), State.ROLLED_BACK),
        (Fault(Kind.HANG), State.ROLLED_BACK),
    ],
    ids=lambda value: str(getattr(value, "kind", value)),
)
def test_a_write_that_goes_wrong_ends_in_a_state_that_is_true(
    tmp_path: Path, fault: Fault, state: State
) -> None:
    async def story(clock: Clock) -> None:
        plan = FaultPlan((Scripted(Operation.APPLY, 1, fault, device="ap1"),))
        async with rig_of(tmp_path, clock, faults=plan) as rig, rig.agent() as agent:
            before = rig.block()
            change = await final(agent, await drill(rig, agent))
            assert change.state is state
            await until(lambda: clock.monotonic() > 1500)
            expected = {State.COMMITTED: 161, State.SUPERSEDED: 153}.get(state, before.primary)
            assert rig.block().primary == expected, "nothing lands later"
        rig.verify()

    run(story)


def test_a_cut_of_a_minute_in_the_middle_of_a_change_costs_nothing(tmp_path: Path) -> None:
    cut = {"from": 1e9, "to": 1e9}

    def is_cut(call: Call) -> bool:
        return cut["from"] <= call.at_s <= cut["to"]

    async def story(clock: Clock) -> None:
        plan = FaultPlan(tuple(Scripted(op, is_cut, Fault(Kind.DISCONNECT), device="ap1") for op in READS))
        async with rig_of(tmp_path, clock, faults=plan) as rig, rig.agent() as agent:
            opened = await drill(rig, agent)
            await agent.executor.settled(opened.id, State.APPLYING)
            cut.update({"from": clock.monotonic(), "to": clock.monotonic() + 60})
            change = await final(agent, opened)
            assert change.state is State.COMMITTED
            assert rig.block().primary == 161

    run(story)


def test_a_device_that_goes_back_by_itself_is_found_rolled_back(tmp_path: Path) -> None:
    """The answer to the write is lost, so nobody can confirm it: the device's own timer undoes it."""

    async def story(clock: Clock) -> None:
        plan = FaultPlan((Scripted(Operation.APPLY, 1, Fault(Kind.TIMEOUT_DONE), device="ap1"),))
        async with (
            rig_of(tmp_path, clock, site_of(undo_timer=True), faults=plan) as rig,
            rig.agent() as agent,
        ):
            before = rig.block()
            change = await final(agent, await drill(rig, agent))
            assert (change.state, rig.block()) == (State.ROLLED_BACK, before)
        assert rig.records()[-2]["reason"]["code"] == "device_went_back"

    run(story)


def test_what_would_be_done_is_shown_and_not_done(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await warm(rig, agent)
            before = rig.block()
            shown = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=False, actor=PERSON
            )
            assert shown.edit is not None
            assert shown.edit.set[Setting.CHANNEL] == 161
            assert (shown.change, shown.begun, agent.memory.changes) == (None, False, {})
            await until(lambda: clock.monotonic() > 1000)
            assert (rig.block(), agent.memory.changes) == (before, {})
        assert not [each for each in rig.records() if each["kind"] == "transition"]

    run(story)


def test_the_undo_timer_is_disarmed_after_the_ack(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(undo_timer=True)) as rig, rig.agent() as agent:
            change = await final(agent, await drill(rig, agent))
            await until(lambda: clock.monotonic() > 4000)
            assert (change.state, rig.block().primary) == (State.COMMITTED, 161)

    run(story)


def test_somebody_else_changed_it_too(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            opened = await drill(rig, agent)
            await agent.executor.settled(opened.id, State.MONITORING)
            there = block(Band.GHZ_5, 153, 20)
            rig.world.set_externally(rig.key, values_of(there))
            change = await final(agent, opened)
            assert change.state is State.SUPERSEDED
            assert rig.block() == there, "hands off"

    run(story)


def test_no_traffic_is_kept_as_unproven_and_not_called_a_success(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, clients=0) as rig, rig.agent() as agent:
            await until(lambda: clock.monotonic() > 60)
            done = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            change = await final(agent, done.change)
            assert (change.state, change.verdict) == (State.COMMITTED, "UNPROVEN")

    run(story)

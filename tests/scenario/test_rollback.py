"""Where a rollback goes, and that it is tried: not into a CAC, not onto the target, not given up unseen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rig import FAST, Rig, final, killed, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Actor, Cause, Change, State, deadline_s
from agent.clock import Clock
from agent.events import EventKind
from agent.moment import Deadline, Moment
from agent.planner import legal
from agent.rollback import destination
from agent.simulated_time import SimulatedClock, run
from agent.view import RadioView, SiteView, block_in_values, values_of
from drivers.signals import CacStarted, Signal
from drivers.simulated.faults import Call, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import ConfigState, RadioReading, RadioState, Reported, ScopeRef, Setting, Values
from inventory.channels import Block, block
from inventory.model import Band, MonitorPolicy, Policy, RadioKey

PERSON = Actor(type="operator", uid=1000, name="ann")
NOW = Moment(monotonic_s=1000.0, utc_us=10**15, boot_id="b", boottime_us=10**9)
AT_36, AT_52 = block(Band.GHZ_5, 36, 40), block(Band.GHZ_5, 52, 40)
AT_149 = block(Band.GHZ_5, 149, 40)
ON_52 = partial(rig_of, channels=(52, 149, 157, 44), width=40)


# -- the choice ------------------------------------------------------------------------------------------


def seen_on(where: Block | None, *, country: str = "US", barred: frozenset[int] = frozenset()) -> SiteView:
    """One radio as it was read before the switch; None: never read."""
    site = site_of(1, country=country)
    (radio,) = site.radios.values()
    reading = None
    if where is not None:
        reading = RadioReading(
            key=radio.key,
            at_s=NOW.monotonic_s - 5,
            state=RadioState.ON_AIR,
            band=radio.band,
            channel=Reported(where.primary, "test"),
            width_mhz=Reported(where.width_mhz, "test"),
            center_mhz=Reported(where.center_mhz, "test"),
            cac_done_mhz=frozenset({5260, 5280}),
        )
    at = RadioView(radio=radio, device="ap1", reading=reading)
    return SiteView(site=site, now=NOW, radios={radio.key: at}, barred_mhz=barred)


def change_of(prior: Values, target: Values, state: State = State.ROLLING_BACK, **more: Cause) -> Change:
    key = RadioKey("lab/ap1/r5")
    return Change(
        id="c",
        site="lab",
        device="ap1",
        scope=ScopeRef(kind="radio", name=key, members=(key,)),
        target=target,
        prior=prior,
        cause=more.get("cause", Cause.OPERATOR),
        state=state,
        deadline=Deadline.after(NOW, 100.0),
    )


def said(change: Change, where: Block, state: RadioState = RadioState.ON_AIR) -> ConfigState:
    return ConfigState(
        scope=change.scope, configured=values_of(where), in_force=values_of(where), state=state
    )


def going(view: SiteView, change: Change, have: ConfigState | None = None) -> Block | None:
    goal = destination(view, change, have)
    return None if goal is None else block_in_values(view.radios[change.radios[0]].radio, goal)


@pytest.mark.parametrize("have", [AT_149, None], ids=["read", "not_read"])
def test_credit_of_a_reading_from_before_the_switch_is_not_believed(have: Block | None) -> None:
    view = seen_on(AT_52)
    change = change_of(values_of(AT_52), values_of(AT_149), State.APPLYING)
    goal = going(view, change, said(change, have) if have else None)
    assert goal is not None
    assert not goal.mhz20 & (AT_52.mhz20 | AT_149.mhz20)
    assert goal.primary not in range(52, 145)


def test_a_radio_that_never_left_goes_back_where_it_is() -> None:
    change = change_of(values_of(AT_52), values_of(AT_149), State.APPLYING)
    assert destination(seen_on(AT_149), change, said(change, AT_52)) == change.prior


def test_under_etsi_rules_the_credit_is_kept() -> None:
    view = seen_on(AT_52, country="DE")
    change = change_of(values_of(AT_52), values_of(AT_36))
    assert going(view, change, said(change, AT_36)) == AT_52


def test_a_rollback_to_elsewhere_leaves_the_target() -> None:
    """52 -> 36 was WORSE, and 52 is barred: 36 is the safe channel, and free."""
    view = seen_on(AT_36, barred=AT_52.mhz20)
    change = change_of(values_of(AT_52), values_of(AT_36))
    goal = going(view, change, said(change, AT_36))
    assert goal is not None
    assert not goal.mhz20 & AT_36.mhz20


def test_with_nothing_but_the_target_left_a_person_decides() -> None:
    view = seen_on(AT_36, barred=AT_52.mhz20)
    (key,) = view.radios
    at = view.radios[key]
    assert at.reading is not None
    only = replace(at, reading=replace(at.reading, allowed_mhz=AT_36.mhz20 | AT_52.mhz20))
    change = change_of(values_of(AT_52), values_of(AT_36))
    assert destination(replace(view, radios={key: only}), change, said(change, AT_36)) is None


def test_power_on_an_unknown_channel_is_forbidden() -> None:
    view = seen_on(None)
    (at,) = view.radios.values()
    assert legal.values_forbidden(view, at, {Setting.TX_POWER_DBM: 40}, None) is not None
    change = change_of({Setting.TX_POWER_DBM: 40}, {Setting.TX_POWER_DBM: 10})
    assert destination(view, change, said(change, AT_36)) is None, "the limit of the channel read back"
    change = change_of({Setting.TX_POWER_DBM: 12}, {Setting.TX_POWER_DBM: 10})
    assert destination(view, change, said(change, AT_36)) == {Setting.TX_POWER_DBM: 12}


def test_a_radio_repaired_after_radar_is_never_switched_off_again() -> None:
    prior = {**values_of(AT_52), Setting.ENABLED: 0}
    target = {**values_of(AT_36), Setting.ENABLED: 1}
    view = seen_on(AT_36, barred=AT_52.mhz20)
    repair = change_of(prior, target, cause=Cause.DFS_RADAR)
    goal = destination(view, repair, said(repair, AT_36))
    assert goal is not None
    assert goal[Setting.ENABLED] == 1
    there = block_in_values(view.radios[repair.radios[0]].radio, goal)
    assert there is not None
    assert not there.mhz20 & (AT_36.mhz20 | AT_52.mhz20)
    assert destination(view, change_of(prior, target)) == {Setting.ENABLED: 0}


def test_long_slots_have_the_time_that_they_need() -> None:
    slow = Policy(monitor=MonitorPolicy(slot_s=300.0))
    assert deadline_s(State.MONITORING, slow, 0.0) > 15 * 300
    assert deadline_s(State.MONITORING, Policy(), 0.0, refresh_s=600.0) > 15 * 600


# -- whole stories ---------------------------------------------------------------------------------------


async def drill(rig: Rig, agent: Agent, channel: int = 161) -> Change:
    await until(lambda: all(radio.reading for radio in agent.memory.radios.values()))
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


class Cut:
    """The device's settings cannot be read while ``on``."""

    def __init__(self) -> None:
        self.on = False
        self.plan = FaultPlan(
            (Scripted(Operation.READ_CONFIG, self._hit, Fault(Kind.DISCONNECT), device="ap1"),)
        )

    def _hit(self, call: Call) -> bool:
        return self.on


def test_an_undo_just_after_the_switch_goes_into_no_cac(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        silent: list[Signal] = []
        async with ON_52(tmp_path, clock) as rig, rig.agent() as agent:
            rig.world.watch(
                lambda _, signal: silent.append(signal) if isinstance(signal, CacStarted) else None
            )
            opened = await drill(rig, agent)
            agent.memory.see = lambda snapshot: None  # type: ignore[method-assign]  # nothing read since
            await until(lambda: rig.block().primary == 161, step_s=0.01)
            await agent.operator.rollback(agent.changes.token(opened), PERSON)
            change = await final(agent, opened)
            assert change.state is State.ROLLED_BACK
            assert not silent
            assert rig.block().primary not in (52, 161)

    run(story)


def test_a_token_that_ran_out_while_the_host_was_down_calls_a_person(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        cut = Cut()
        async with rig_of(tmp_path, clock, faults=cut.plan) as rig:
            async with killed(rig) as agent:
                opened = await drill(rig, agent)
                await agent.executor.settled(opened.id, State.APPLYING)
                cut.on = True
            clock.reboot()
            clock.jump_utc(8 * 86400)
            async with rig.agent() as agent:
                change = await final(agent, opened)
                assert change.state is State.ESCALATED
            assert rig.records()[-2]["reason"]["code"] == "token_not_usable"

    run(story)


def test_a_person_undoes_with_an_expired_token(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            opened = await drill(rig, agent)
            change = await agent.executor.settled(opened.id, State.MONITORING)
            with_expired = replace(clock.now().plus(8 * 86400), boot_id="later")
            agent.ledger.clock = _Later(clock, with_expired)
            await agent.operator.rollback(agent.changes.token(change), PERSON)
            agent.ledger.clock = clock  # or its lease would have run out as well
            assert (await final(agent, opened)).state is State.ROLLED_BACK

    run(story)


class _Later:
    """The ledger's clock alone is far ahead."""

    def __init__(self, clock: SimulatedClock, then: Moment) -> None:
        self._then = then
        self.monotonic = clock.monotonic

    def now(self) -> Moment:
        return self._then


def test_killed_while_rolling_back_it_is_tried_again_however_late(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        cut = Cut()
        async with rig_of(tmp_path, clock, faults=cut.plan) as rig:
            before = rig.block()
            async with killed(rig) as agent:
                opened = await drill(rig, agent)
                await agent.executor.settled(opened.id, State.MONITORING)
                cut.on = True
                await agent.operator.rollback(agent.changes.token(opened), PERSON)
                await agent.executor.settled(opened.id, State.ROLLING_BACK)
            await asyncio.sleep(1200)
            cut.on = False
            async with rig.agent() as agent:
                assert (await final(agent, opened)).state is State.ROLLED_BACK
                assert rig.block() == before

    run(story)


def test_one_failed_read_at_the_deadline_calls_nobody(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        cut = Cut()
        async with rig_of(tmp_path, clock, faults=cut.plan, clients=0) as rig, rig.agent() as agent:
            opened = await drill(rig, agent)
            await agent.executor.settled(opened.id, State.MONITORING)
            await until(lambda: agent.memory.changes[opened.id].extended)
            deadline = agent.memory.changes[opened.id].deadline
            await until(lambda: deadline.left_s(clock.now()) < 5)
            cut.on = True
            await asyncio.sleep(20)
            cut.on = False
            change = await final(agent, opened)
            assert (change.state, change.verdict) == (State.COMMITTED, "UNPROVEN")

    run(story)


def test_a_refused_rollback_is_not_waited_for(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        plan = FaultPlan((Scripted(Operation.APPLY, 2, Fault(Kind.REFUSED), device="ap1"),))
        async with rig_of(tmp_path, clock, faults=plan) as rig, rig.agent() as agent:
            opened = await drill(rig, agent)
            await agent.executor.settled(opened.id, State.MONITORING)
            await agent.operator.rollback(agent.changes.token(opened), PERSON)
            begun_s = clock.monotonic()
            change = await final(agent, opened)
            assert (change.state, change.attempts) == (State.ROLLED_BACK, 1)
            assert clock.monotonic() - begun_s < FAST.ack_timeout_s / 2

    run(story)


def test_a_withheld_rollback_goes_elsewhere_at_once(tmp_path: Path) -> None:
    """Radar bars the prior channel between the choice and the write's turn."""

    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            opened = await drill(rig, agent)
            await agent.executor.settled(opened.id, State.MONITORING)
            bench = agent.executor._bench
            lane, whole = bench.lane(opened), bench.lane(opened).apply
            said_no: list[float] = []

            async def once(edit, after_s, last_look=lambda: None):  # type: ignore[no-untyped-def]
                if said_no:
                    return await whole(edit, after_s, last_look)
                said_no.append(clock.monotonic())
                return await whole(edit, after_s, lambda: "in_non_occupancy_period")

            lane.apply = once  # type: ignore[method-assign]
            await agent.operator.rollback(agent.changes.token(opened), PERSON)
            change = await final(agent, opened)
            assert (change.state, change.attempts) == (State.ROLLED_BACK, 1)
            assert clock.monotonic() - said_no[0] < FAST.rollback_backoff_s

    run(story)

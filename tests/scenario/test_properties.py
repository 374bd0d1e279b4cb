"""Whatever happens at whatever site: no unlawful write, none that nobody could undo or explain, and an end.

hypothesis makes up a site (country, band, widths, lists, pins, mode, undo timer), what the devices do wrong,
and a story: drills, radar real and drilled, strangers, operators who undo twice, restarts, kills, reboots.
Each write is judged at the moment it is handed to the device, by the store and by the audit files. With
``RRMD_LONG=1`` in the environment many more stories are told.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from judge import Judge, check_books
from plots import COUNTRIES, PERSON, Plot, lawful_blocks
from rig import Rig
from telling import Step, Story, refusable, stage

from agent.change import Change, State
from agent.events import EventKind
from agent.simulated_time import SimulatedClock, run
from agent.store.store import Store
from agent.view import values_of
from drivers.base import Device, DeviceContext
from drivers.errors import Conflict, Refused
from drivers.simulated.driver import family
from drivers.simulated.faults import NO_FAULTS, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import Edit, RadioState, ScopeRef, Setting, Values
from inventory import regulatory
from inventory.channels import channels
from inventory.model import Band, Mode, Placement, RadioKey

LONG = os.environ.get("RRMD_LONG") == "1"


def checked(examples: int, long: int) -> Callable[[Any], Any]:
    """The same examples on every machine; a long run looks for new ones."""
    return settings(
        max_examples=long if LONG else examples,
        deadline=None,
        derandomize=not LONG,
        database=None,
        print_blob=True,
        # a story shrinks for minutes: the quick run shows it as it was found, the long one makes it short
        phases=list(Phase) if LONG else [Phase.explicit, Phase.generate],
        # a story of an hour with a store on disk takes some hundred milliseconds: no health problem
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


# -- sites ---------------------------------------------------------------------------------------------


@st.composite
def plots(draw: st.DrawFn, modes: tuple[Mode, ...] = (*[Mode.ACT] * 8, Mode.ADVISE, Mode.OBSERVE)) -> Plot:
    band = draw(st.sampled_from([Band.GHZ_5, Band.GHZ_5, Band.GHZ_5, Band.GHZ_2_4, Band.GHZ_6]))
    wide = {Band.GHZ_2_4: (20, 40), Band.GHZ_5: (20, 40, 80, 160), Band.GHZ_6: (20, 80, 320)}[band]
    widths = tuple(sorted(draw(st.sets(st.sampled_from(wide), min_size=1, max_size=3))))
    country = draw(st.sampled_from(COUNTRIES))
    placement = draw(st.sampled_from([Placement.INDOOR, Placement.INDOOR, Placement.OUTDOOR]))
    assume(lawful_blocks(country, band, placement, widths))
    some = st.lists(st.sampled_from(channels(band)), min_size=1, max_size=8, unique=True)
    aps = draw(st.integers(1, 5))
    return Plot(
        country=country,
        band=band,
        aps=aps,
        widths=widths,
        listed=draw(
            st.sampled_from([True] * 3 + [False]).flatmap(lambda all_: st.none() if all_ else some.map(tuple))
        ),
        dfs=draw(st.sampled_from([True, True, False])),
        pinned=draw(st.sampled_from([False] * 9 + [True])),
        placement=placement,
        mode=draw(st.sampled_from(modes)),
        undo_timer=draw(st.booleans()),
        inflight=draw(st.sampled_from([0.1, 0.5, 1.0])),
        spacing_m=draw(st.sampled_from([15.0, 120.0, 600.0])),
        starts=tuple(draw(st.integers(0, 400)) for _ in range(aps)),
        clients=draw(st.integers(0, 3)),
        seed=draw(st.integers(0, 99)),
    )


# -- stories -------------------------------------------------------------------------------------------


WHATS = (
    ["drill"] * 2
    + ["drill_to"] * 14
    + ["drill_dry", "radar_drill", "radar", "radar", "radar_stubborn", "radar_everywhere"]
    + ["stranger", "undo", "undo", "undo_both_at_once", "approve", "spoil", "restart", "kill", "kill_reboot"]
    + ["ap_reboots"]
)
steps = st.builds(
    Step,
    after_s=st.sampled_from([0.0, 0.0, 0.05, 0.4, 2.0, 7.0, 20.0, 60.0, 400.0, 1900.0]),
    what=st.sampled_from(WHATS),
    ap=st.integers(0, 4),
    pick=st.integers(0, 500),
)

WRONG: Values = MappingProxyType({Setting.CHANNEL: 1, Setting.WIDTH_MHZ: 20})
ARRANGED = {Kind.DONE_WRONG, Kind.WRONG_READBACK, Kind.WRONG_RADIO, Kind.OTHER_IDENTITY} | {
    Kind.DONE_LATE_ALL_THE_SAME,
    Kind.GARBAGE_DONE,
    Kind.BUG,
}
"""Kinds that the fault matrix (tests/faults) tries, each where it can be."""
CALLED = [each for each in Operation if each not in (Operation.PLAN, Operation.SIGNALS)]
faults = st.builds(
    Fault,
    kind=st.sampled_from(sorted(set(Kind) - ARRANGED)),
    after_s=st.sampled_from([1.0, 8.0, 30.0]),
)
lines = st.builds(
    Scripted,
    operation=st.sampled_from([Operation.APPLY] * 3 + [Operation.CONFIRM] + CALLED),
    when=st.integers(1, 6) | st.builds(lambda a, n: range(a, a + n), st.integers(1, 60), st.integers(1, 12)),
    fault=faults,
    device=st.none() | st.sampled_from(["ap1", "ap2"]),
)
plans = st.builds(FaultPlan, st.lists(lines, max_size=3).map(tuple))


def tell(plot: Plot, plan: FaultPlan, told: list[Step]) -> None:
    """One story from beginning to end, and everything that must be true of it."""

    async def story(clock: SimulatedClock) -> None:
        with stage(clock, plot, plan) as rig:
            judge = Judge(rig, lists=plot.seed % 2 == 0)
            it = Story(rig, judge, clock)
            await it.begin()
            await asyncio.sleep(60.0)
            await it.tell(told)
            await it.off_radar()
            await it.over()
            await it.end(kill=False)
            assert not judge.wrong, judge.wrong
            rig.verify()
            check_books(rig)

    run(story)


@pytest.mark.timeout(600)  # 110 stories of an hour: half a minute on idle cores, minutes beside two guests
@checked(110, 5000)
@given(plot=plots(), plan=plans, told=st.lists(steps, min_size=4, max_size=14))
def test_whatever_happens_every_write_is_lawful_and_every_change_ends(
    plot: Plot, plan: FaultPlan, told: list[Step]
) -> None:
    tell(plot, plan, told)


# -- twice is once -------------------------------------------------------------------------------------


def _edit(rig: Rig, key: RadioKey, target: Values, expect: Values) -> Edit:
    return Edit(
        change_id="test", scope=ScopeRef(kind="radio", name=key, members=(key,)), set=target, expect=expect
    )


def _device(rig: Rig, name: str) -> Device:
    context = DeviceContext(
        config=rig.site.devices[name],
        radios=tuple(rig.site.radios.values())[:1],
        secret=None,
        clock=rig.clock.monotonic,
    )
    return family.device(context)


levels = st.fixed_dictionaries(
    {},
    optional={
        Setting.TX_POWER_DBM: st.integers(1, 12),
        Setting.OBSS_PD_DBM: st.integers(-82, -62),
        Setting.ENABLED: st.integers(0, 1),
    },
)


@checked(60, 3000)
@given(
    plot=plots(modes=(Mode.ACT,)),
    pick=st.none() | st.integers(0, 500),
    more=levels,
    guarded=st.booleans(),
    between_s=st.sampled_from([0.0, 0.2, 5.0, 700.0]),
)
def test_applying_twice_equals_applying_once(
    plot: Plot, pick: int | None, more: dict[Setting, int], guarded: bool, between_s: float
) -> None:
    """With compare-and-set the second write is refused as a conflict, or finds nothing to do."""

    async def world_after(clock: SimulatedClock, twice: bool) -> tuple[Any, ...]:
        with stage(clock, replace(plot, aps=1), NO_FAULTS) as rig:
            device, key = _device(rig, "ap1"), rig.key
            await device.open()
            before = rig.world.in_force(key)
            target = dict(more)
            if pick is not None:
                legal = lawful_blocks(plot.country, plot.band, plot.placement, plot.widths)
                target |= values_of(legal[pick % len(legal)])
            if not target:
                return ()
            expect = {k: before[k] for k in target} if guarded else {}
            with suppress(Refused, Conflict):
                await device.apply(_edit(rig, key, target, expect), None)
            await asyncio.sleep(between_s)
            if twice:
                with suppress(Refused, Conflict):
                    await device.apply(_edit(rig, key, target, expect), None)
            await asyncio.sleep(1000.0)
            radio = rig.world.radio(key)
            await device.close()
            return radio.in_force(), radio.state, dict(radio.configured)

    async def once(clock: SimulatedClock) -> tuple[Any, ...]:
        return await world_after(clock, twice=False)

    async def again(clock: SimulatedClock) -> tuple[Any, ...]:
        return await world_after(clock, twice=True)

    assert run(again) == run(once)


# -- there and back ------------------------------------------------------------------------------------


@checked(40, 2000)
@given(
    plot=plots(modes=(Mode.ACT,)),
    pick=st.integers(0, 500),
    when=st.sampled_from([State.APPLYING, State.MONITORING, State.COMMITTED]),
    radar=st.booleans(),
)
def test_apply_then_undo_equals_before_unless_the_prior_has_become_illegal(
    plot: Plot, pick: int, when: State, radar: bool
) -> None:
    async def story(clock: SimulatedClock) -> None:
        sound = replace(plot, listed=None, dfs=True, pinned=False, undo_timer=False, aps=max(2, plot.aps))
        with stage(clock, sound, NO_FAULTS) as rig:
            judge = Judge(rig, lists=plot.seed % 2 == 0)
            it = Story(rig, judge, clock)
            await it.begin()
            assert it.agent is not None
            await asyncio.sleep(60.0)
            before, where = rig.world.in_force(rig.key), it.block(pick * 7 + 1)
            prior = rig.block()
            done = await it.agent.operator.inject(
                EventKind.NON_WIFI_BURST,
                rig.key,
                channel=where.primary,
                width_mhz=where.width_mhz,
                act=True,
                actor=PERSON,
            )
            if done.change is not None:
                change = await it.agent.executor.settled(done.change.id, when)
                if radar:
                    it.ask(lambda: it.inject(EventKind.DFS_RADAR, it.keys[1], act=True))
                    await asyncio.sleep(0.5)
                await refusable(partial(it.agent.operator.rollback, it.agent.changes.token(change), PERSON))
            await it.over()
            credit = {mhz for mhz in prior.mhz20 if mhz in rig.world.radio(rig.key).memory.credit}
            barred = it.agent.memory.barred("lab", clock.now())
            await it.end(kill=False)
            assert not judge.wrong, judge.wrong
            if done.change is None:
                assert rig.world.in_force(rig.key) == before
                return
            change = _stored(rig, done.change.id)
            undone = [c for c in _all(rig) if c.undo_of == change.id]
            went_back = change.state is State.ROLLED_BACK or any(c.state is State.COMMITTED for c in undone)
            if not went_back:
                return  # radar superseded it, or the undo was refused: told apart by other tests
            blocked = bool(prior.mhz20 & barred)
            silent_first = regulatory.dfs_needed(plot.country, prior) and not prior.mhz20 <= credit
            if blocked:
                assert not rig.block().mhz20 & barred
            elif not silent_first:
                assert rig.world.in_force(rig.key) == before
            assert rig.world.radio(rig.key).state is RadioState.ON_AIR

    run(story)


def _all(rig: Rig) -> list[Change]:
    store = Store(rig.url)
    try:
        return store.changes(limit=10_000)
    finally:
        store.close()


def _stored(rig: Rig, id: str) -> Change:
    return next(c for c in _all(rig) if c.id == id)

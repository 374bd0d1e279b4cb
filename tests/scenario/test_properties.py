"""Whatever happens at whatever site: no unlawful write, none that nobody could undo or explain, and an end.

hypothesis makes up a site (country, band, widths, lists, pins, mode, undo timer), what the devices do wrong,
and a story: drills, radar real and drilled, strangers, operators who undo twice, restarts, kills, reboots.
Each write is judged at the moment it is handed to the device, by the store and by the audit files. With
``RRMD_LONG=1`` in the environment many more stories are told.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from rig import Rig, site_of, until

from agent.agent import Agent
from agent.api.errors import OperationError
from agent.change import (
    FINAL,
    IN_FLIGHT,
    INCIDENTS,
    LIVE,
    TABLE,
    Actor,
    Cause,
    Change,
    State,
    agrees,
)
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import SimulatedClock, run
from agent.store.store import Store
from agent.view import block_in_values, values_of
from drivers.base import Device, DeviceContext
from drivers.errors import Conflict, Refused
from drivers.simulated import worlds
from drivers.simulated.driver import family
from drivers.simulated.faults import NO_FAULTS, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.simulated.firmware import NotPossible
from drivers.simulated.world import World
from drivers.types import Edit, RadioState, Receipt, ScopeRef, Setting, Snapshot, Table, Values
from inventory import regulatory
from inventory.channels import Block, blocks, channels, frequency_mhz
from inventory.model import Band, Mode, MonitorPolicy, Placement, Policy, Radio, RadioKey, Site, ap_of

LONG = os.environ.get("RRMD_LONG") == "1"
PERSON = Actor(type="operator", uid=1000, name="ann")
COUNTRIES = ("US", "DE", "JP", "NO", "CA", "IN", "GB", "AU")
QUICK = Policy(
    mode=Mode.ACT,
    poll_s=5.0,
    apply_timeout_s=5.0,
    ack_timeout_s=10.0,
    cooldown_s=3.0,
    rollback_attempts=3,
    monitor=MonitorPolicy(
        slot_s=4.0, min_frames=20, settle_s=2.0, lost_client_after_s=10.0, baseline_slots=12, no_data_s=60.0
    ),
)
LIMIT_S = 4000.0
"""Simulated seconds after the story within which every change is final: a few times the longest CAC."""


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


@dataclass(frozen=True)
class Plot:
    """A site and its world, as plain as an example should print. ``starts``: an index for each AP into the
    blocks that are legal there."""

    country: str
    band: Band
    aps: int
    widths: tuple[int, ...]
    listed: tuple[int, ...] | None
    dfs: bool
    pinned: bool
    placement: Placement
    mode: Mode
    undo_timer: bool
    inflight: float
    spacing_m: float
    starts: tuple[int, ...]
    clients: int
    seed: int

    def site(self) -> Site:
        return site_of(
            self.aps,
            policy=replace(QUICK, mode=self.mode, max_inflight_ratio=self.inflight),
            country=self.country,
            band=self.band,
            widths=self.widths,
            spacing_m=self.spacing_m,
            undo_timer=self.undo_timer,
            channels=self.listed,
            dfs=self.dfs,
            pinned=self.pinned,
            placement=self.placement,
        )

    def world(self, site: Site) -> World:
        world = World(self.seed, self.country, start_hour=12.0)
        legal = lawful_blocks(self.country, self.band, self.placement, self.widths)
        for n, ap in enumerate(site.aps.values()):
            for radio in ap.radios:
                where = legal[self.starts[n % len(self.starts)] % len(legal)]
                most = regulatory.max_power_dbm(self.country, where, radio)
                world.add_radio(
                    radio, where, position=ap.position_m or (0.0, 0.0, 3.0), tx_power_dbm=min(17, most)
                )
        world.add_clients(self.clients, stays=True)
        return world


@cache
def lawful_blocks(
    country: str, band: Band, placement: Placement, widths: tuple[int, ...]
) -> tuple[Block, ...]:
    """Every block of these widths that the law allows such a radio."""
    radio = Radio(key=RadioKey("lab/ap1/r"), band=band, placement=placement)
    return tuple(
        b for width in widths for b in blocks(band, width) if regulatory.refusal(country, b, radio) is None
    )


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


@dataclass(frozen=True)
class Step:
    """``what`` happens ``after_s`` seconds later to the AP of this number; ``pick`` chooses a block, a
    change, a factor."""

    after_s: float
    what: str
    ap: int
    pick: int


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


# -- the judge -----------------------------------------------------------------------------------------


class Judge:
    """Looks at each write in the moment in which it is handed to the device. ``lists``: devices tell which
    channels they have; where they don't, nothing but our own knowledge of the law keeps us within it."""

    def __init__(self, rig: Rig, *, lists: bool) -> None:
        self.rig = rig
        self.lists = lists
        self.agent: Agent | None = None
        self.store: Store | None = None
        self.writes = 0
        self.wrong: list[str] = []
        rig.wrap_device, rig.wrap_store = self.device, self.keep

    def keep(self, store: Store) -> Store:
        self.store = store
        return store

    def device(self, device: Any) -> Any:
        send, ask = device.apply, device.read

        async def read(tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
            told: Snapshot = await ask(tables, radios)
            if self.lists:
                return told
            bare = {key: replace(each, allowed_mhz=None) for key, each in told.readings.items()}
            return replace(told, readings=bare)

        async def apply(edit: Edit, undo_after_s: float | None) -> Receipt:
            self.writes += 1
            self.wrong += [f"{rule}: {edit} at {self.rig.clock.monotonic()}" for rule in self.broken(edit)]
            if undo_after_s is not None:
                self.wrong += [f"{rule}: {edit}" for rule in self.timer_broken(edit)]
            done: Receipt = await send(edit, undo_after_s)
            return done

        device.apply, device.read = apply, read
        return device

    @property
    def known(self) -> tuple[Agent, Store]:
        assert self.agent is not None
        assert self.store is not None
        return self.agent, self.store

    def broken(self, edit: Edit) -> Iterator[str]:
        """The rules that this write breaks."""
        agent, store = self.known
        change = store.change(edit.change_id)
        if change is None:
            yield "no change stored"
            return
        yield from self.undoable(store, change, edit)
        yield from self.explained(change)
        yield from self.lawful(store, agent, change, edit)
        yield from self.wanted(change, edit)
        if change.state is State.APPLYING and change.cause is not Cause.DFS_RADAR:
            yield from self.alone(store, agent, change)

    def undoable(self, store: Store, change: Change, edit: Edit) -> Iterator[str]:
        token = store.token(change.token_sha256 or "")
        if token is None:
            yield "no token stored"
        elif change.state is State.APPLYING and token.used_utc_us is not None:
            yield "the token is used, nobody could undo it"
        elif change.state is State.ROLLING_BACK and token.used_utc_us is None:
            yield "undone without its token"
        if change.state is State.APPLYING:
            if dict(edit.set) != dict(change.target) or dict(edit.expect) != dict(change.prior):
                yield "another edit than the stored one"
        elif change.state is State.ROLLING_BACK:
            if not agrees(change.rollback_to or change.prior, edit.set):
                yield "goes back to something else than is stored"
        else:
            yield f"written in {change.state}"
        wakes = dict(edit.expect) == {Setting.ENABLED: 0} and edit.set.get(Setting.ENABLED) == 1
        if set(edit.set) - set(edit.expect) - {Setting.ENABLED} and not wakes:
            yield "no compare-and-set"

    def explained(self, change: Change) -> Iterator[str]:
        told = [r for r in self.records(change.id) if r["to_state"] is not None]
        if not told or told[-1]["to_state"] != change.state:
            yield f"{change.state} is not in the audit file"
        elif told[-1]["token_sha256"] != change.token_sha256 or told[-1]["new"] != dict(change.target):
            yield "the audit file tells something else"

    def records(self, change_id: str) -> list[dict[str, Any]]:
        """Of this change; others may name it as the reason why they were not begun."""
        files = sorted((self.rig.directory / "audit").glob("audit_*.jsonl"))
        lines = (line for path in files for line in path.read_text().splitlines() if change_id in line)
        return [record for record in map(json.loads, lines) if record["change_id"] == change_id]

    def lawful(self, store: Store, agent: Agent, change: Change, edit: Edit) -> Iterator[str]:
        key = change.radios[0]
        radio, now = self.rig.site.radios[key], self.rig.world.in_force(key)
        after = {**now, **edit.set}
        if after[Setting.ENABLED] == 0:
            return
        block = block_in_values(radio, after)
        if block is None:
            yield "no such block"
            return
        if (why := regulatory.refusal(self.rig.site.country, block, radio)) is not None:
            yield f"illegal, {why}"
        barred = {n.mhz20 for n in store.nops(self.rig.clock.now())}
        barred |= agent.memory.barred("lab", self.rig.clock.now())
        here = self.rig.world.radio(key)
        there_already = here.state is RadioState.ON_AIR and block.mhz20 <= here.block.mhz20
        if block.mhz20 & barred and not there_already:
            yield f"in a non-occupancy period, {sorted(block.mhz20 & barred)}"

    def wanted(self, change: Change, edit: Edit) -> Iterator[str]:
        """What the site's owner wants; radar and going back come before it."""
        site, radio = self.rig.site, self.rig.site.radios[change.radios[0]]
        if site.policy.mode is Mode.OBSERVE:
            yield "a write in observe mode"
        if change.cause is Cause.DFS_RADAR or change.state is State.ROLLING_BACK:
            return
        if radio.pinned:
            yield "a pinned radio is moved"
        block = block_in_values(radio, edit.set)
        if block is None or change.cause in INCIDENTS:
            return
        if radio.channels is not None and block.primary not in radio.channels:
            yield "a channel that the site does not list"
        if block.width_mhz not in radio.widths_mhz:
            yield "a width that the site does not list"
        if not radio.dfs and regulatory.dfs_needed(site.country, block):
            yield "a DFS channel where the site wants none"

    def alone(self, store: Store, agent: Agent, change: Change) -> Iterator[str]:
        site, key = self.rig.site, change.radios[0]
        flying = [
            c
            for c in store.open_changes()
            if c.state in IN_FLIGHT and c.cause is not Cause.DFS_RADAR and c.id != change.id
        ]
        near = agent.view(site).neighbours(key)
        if any(near & set(c.radios) for c in flying):
            yield "two neighbours in flight"
        if any(key in c.radios for c in flying):
            yield "two changes in flight on one radio"
        most = max(1, math.floor(len(site.aps) * site.policy.max_inflight_ratio))
        if len({ap_of(k) for c in [change, *flying] for k in c.radios}) > most:
            yield "too many in flight"

    def timer_broken(self, edit: Edit) -> Iterator[str]:
        """What a timer left on the device would do."""
        _, store = self.known
        radio = self.rig.site.radios[edit.scope.members[0]]
        prior = block_in_values(radio, edit.expect)
        if prior is not None and regulatory.dfs_needed(self.rig.site.country, prior):
            yield "a timer that could go back onto radar"
        if (change := store.change(edit.change_id)) and change.state is State.ROLLING_BACK:
            yield "a timer on a rollback"


# -- telling a story -----------------------------------------------------------------------------------


@contextmanager
def stage(clock: Clock, plot: Plot, plan: FaultPlan) -> Iterator[Rig]:
    site = plot.site()
    world = plot.world(site)
    with tempfile.TemporaryDirectory() as directory, worlds.registered("rig", world, plan):
        yield Rig(directory=Path(directory), site=site, world=world, clock=clock, faults=plan)


class Story:
    """Tells the steps, and whatever an operator is refused is fine; any other error is not."""

    def __init__(self, rig: Rig, judge: Judge, clock: SimulatedClock) -> None:
        self.rig, self.judge, self.clock = rig, judge, clock
        self.keys = list(rig.site.radios)
        self.agent: Agent | None = None
        self.running: asyncio.Task[None] | None = None
        self.asked: list[asyncio.Task[None]] = []
        self.ledger: Any = None

    async def begin(self) -> None:
        self.agent, self.ledger = self.rig.build()
        self.judge.agent = self.agent
        self.running = asyncio.create_task(self.agent.run(), name="agent")
        ready = asyncio.create_task(self.agent.ready.wait())
        await asyncio.wait({ready, self.running}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    async def end(self, *, kill: bool) -> None:
        """Stopped well, or dead at once; what operators still wait for dies with it."""
        assert self.agent is not None
        assert self.running is not None
        if kill:
            self.running.cancel()
        else:
            self.agent.stop()
        try:
            await asyncio.gather(self.running, return_exceptions=kill)
        finally:
            for each in self.asked:
                if not each.done():
                    each.cancel()
            told = await asyncio.gather(*self.asked, return_exceptions=True)
            self.asked.clear()
            await self.ledger.close()
        for error in told:
            if isinstance(error, Exception):
                raise error

    async def tell(self, steps: list[Step]) -> None:
        for step in steps:
            if step.after_s:
                await asyncio.sleep(step.after_s)
            await self.do(step)

    async def do(self, step: Step) -> None:
        assert self.agent is not None
        key, world = self.keys[step.ap % len(self.keys)], self.rig.world
        if step.what.startswith("drill"):
            self.ask(lambda: self.drill(step, key))
        elif step.what == "radar_drill":
            self.ask(lambda: self.inject(EventKind.DFS_RADAR, key, act=True))
        elif step.what.startswith("radar"):
            self.radar(step, key)
        elif step.what == "stranger":
            with suppress(NotPossible):
                world.set_externally(key, values_of(self.block(step.pick)))
        elif step.what.startswith("undo"):
            await self.undo(step)
        elif step.what == "approve":
            self.ask(self.approve_last)
        elif step.what == "spoil":
            world.spoil(key, None, 1.0 + step.pick % 5)
        elif step.what == "ap_reboots":
            world.reboot(ap_of(key))
        else:
            await self.end(kill=step.what != "restart")
            if step.what == "kill_reboot":
                self.clock.reboot()
            await self.begin()

    def ask(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.asked.append(asyncio.create_task(_refusable(what)))

    async def drill(self, step: Step, key: RadioKey) -> None:
        kind = [EventKind.NON_WIFI_BURST, EventKind.SPECTRUM_SAT][step.pick % 2]
        act = step.what != "drill_dry"
        if step.what != "drill_to":
            await self.inject(kind, key, act=act)
            return
        block = self.block(step.pick)
        width = block.width_mhz if step.pick % 3 else None
        await self.inject(kind, key, act=act, channel=block.primary, width_mhz=width)

    async def inject(
        self,
        kind: EventKind,
        key: RadioKey,
        *,
        act: bool,
        channel: int | None = None,
        width_mhz: int | None = None,
    ) -> None:
        assert self.agent is not None
        await self.agent.operator.inject(
            kind, key, channel=channel, width_mhz=width_mhz, act=act, actor=PERSON
        )

    def block(self, pick: int) -> Block:
        """Any block of the band, legal or not; more often one of a width that the site has."""
        radio = next(iter(self.rig.site.radios.values()))
        all_there = [b for width in radio.widths_mhz for b in blocks(radio.band, width)]
        legal = lawful_blocks(self.rig.site.country, radio.band, radio.placement, radio.widths_mhz)
        among = all_there if pick % 7 == 0 else list(legal)
        return among[pick // 7 % len(among)]

    def radar(self, step: Step, key: RadioKey) -> None:
        world = self.rig.world
        if step.what == "radar_everywhere":
            radio = self.rig.site.radios[key]
            world.radar(frequency_mhz(radio.band, self.block(step.pick).primary))
            return
        world.set_stubborn(key, step.what == "radar_stubborn")
        world.radar(key)

    async def undo(self, step: Step) -> None:
        assert self.agent is not None
        changes = list(self.agent.memory.changes.values())
        if not changes:
            return
        token = self.agent.changes.token(changes[-1 - step.pick % len(changes)])
        undo = partial(self.agent.operator.rollback, token, PERSON)

        async def twice() -> None:
            await _refusable(undo)
            await _refusable(undo)

        if step.what == "undo_both_at_once":
            self.ask(undo)
            self.ask(undo)
        else:
            self.ask(twice)

    async def approve_last(self) -> None:
        assert self.agent is not None
        for change in list(self.agent.memory.changes.values())[-1:]:
            await self.agent.operator.approve(change.id, PERSON)

    async def over(self) -> None:
        """Every change is final, in bounded time."""
        assert self.agent is not None
        memory = self.agent.memory
        await until(lambda: all(c.final for c in memory.changes.values()), limit_s=LIMIT_S, step_s=5.0)

    async def off_radar(self) -> None:
        """No radio transmits where it heard radar itself, once the devices do as they are told."""
        if self.rig.site.policy.mode is Mode.OBSERVE:
            return
        radios = [self.rig.world.radio(key) for key in self.keys]
        await until(
            lambda: not any(r.on_air and r.memory.barred(r.block) for r in radios), limit_s=600.0, step_s=1.0
        )


async def _refusable(what: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    with suppress(OperationError):
        await what()


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


def check_books(rig: Rig) -> None:
    """Store and audit agree about how each change went, and each path is one that the table knows."""
    store = Store(rig.url)
    try:
        changes = store.changes(limit=10_000)
        tokens = {c.id: store.token(c.token_sha256 or "") for c in changes}
        assert not [c for c in changes if c.state in LIVE]
    finally:
        store.close()
    records = rig.records()
    spent = Counter(c.undo_of for c in changes if c.undo_of)
    for change in changes:
        path = [r["to_state"] for r in records if r["change_id"] == change.id and r["to_state"]]
        assert path[-1] == change.state
        assert path[0] in ("PLANNED", "PROPOSED")
        assert change.state in FINAL
        for a, b in pairwise(path):
            assert any(TABLE.get((State(a), t)) == b for _, t in TABLE), (a, b)
        if change.state is State.COMMITTED:
            assert "MONITORING" in path, "never proven"
        token = tokens[change.id]
        assert token is not None
        began_undo = sum(b == "ROLLING_BACK" != a for a, b in pairwise(path))
        assert began_undo + spent[change.id] <= 1, "a token used twice"
        assert (token.used_utc_us is not None) == bool(began_undo + spent[change.id])


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
                await _refusable(partial(it.agent.operator.rollback, it.agent.changes.token(change), PERSON))
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

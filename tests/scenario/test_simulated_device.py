"""Sessions with simulated APs, in simulated time: reading, writing, signals, and all that goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent.simulated_time import SimulatedClock, run
from drivers.base import Device, DeviceContext, DriverFamily
from drivers.errors import Conflict, DeviceTimeout, Disconnected, Garbage, Refused, Unsupported
from drivers.registry import GROUP, discover
from drivers.signals import (
    AttackHeard,
    CacFinished,
    CacStarted,
    ChannelSwitched,
    ClientLeft,
    Gap,
    InterferenceHeard,
    RadarDetected,
    RadioFault,
    RogueHeard,
    Signal,
)
from drivers.simulated import worlds
from drivers.simulated.driver import SimulatedDevice, family
from drivers.simulated.faults import Fault, Kind, Operation, Scripted
from drivers.simulated.world import World
from drivers.simulated.worlds import Stage
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    ClientReading,
    Counters,
    Edit,
    Outage,
    RadioReading,
    RadioState,
    Readback,
    Reported,
    ScopeRef,
    Setting,
    SurveyReading,
    Table,
)
from inventory.channels import block
from inventory.loader import load
from inventory.model import Band, DeviceConfig, Radio, RadioKey

T = TypeVar("T")
SITES = Path(worlds.__file__).parents[2] / "inventory" / "sites"
CHANNEL = Setting.CHANNEL
TABLES = frozenset(Table) - {Table.NEIGHBORS}
KEYS = (RadioKey("s/ap1/r5"), RadioKey("s/ap1/r24"), RadioKey("s/ap2/r5"))
A = KEYS[0]
SCOPE = ScopeRef(kind="radio", name="r5", members=(A,))


def radio(key: RadioKey) -> Radio:
    return Radio(key=key, band=Band.GHZ_2_4 if key.endswith("r24") else Band.GHZ_5)


def mall(channel: int = 36) -> World:
    world = World(3, "US", start_hour=10)
    for number, key in enumerate(KEYS):
        where = block(Band.GHZ_2_4, 6, 20) if key.endswith("r24") else block(Band.GHZ_5, channel, 20)
        world.add_radio(radio(key), where, position=(30.0 * (number // 2), 0.0, 3.0))
    world.add_clients(4, stays=True)
    return world


@dataclass(frozen=True)
class Scene:
    clock: SimulatedClock
    stage: Stage

    @property
    def world(self) -> World:
        return self.stage.world

    def device(self, *keys: RadioKey, **options: Any) -> SimulatedDevice:
        checked = family.check_options({"world": "mall", **options})
        config = DeviceConfig(id="ap1", driver="simulated", address="", options=checked)
        radios = tuple(map(radio, keys or KEYS[:2]))
        return family.device(
            DeviceContext(config=config, radios=radios, secret=None, clock=self.clock.monotonic)
        )

    async def opened(self, *keys: RadioKey, **options: Any) -> SimulatedDevice:
        device = self.device(*keys, **options)
        await device.open()
        return device

    def script(self, operation: Operation, kind: Kind, nth: int | None = 1, **more: Any) -> None:
        self.stage.faults.add(Scripted(operation, nth, Fault(kind, **more)))


def play(scene: Callable[[Scene], Awaitable[T]], world: World | None = None) -> T:
    async def main(clock: SimulatedClock) -> T:
        return await scene(Scene(clock, stage))

    with worlds.registered("mall", world or mall()) as stage:
        return run(main, until_s=7 * 86_400)


def edit(expect: Mapping[Setting, int] | None = None, **values: int) -> Edit:
    return Edit(
        change_id="c1",
        scope=SCOPE,
        set={Setting(name): value for name, value in values.items()},
        expect=expect or {},
    )


async def in_force(device: Device) -> Mapping[Setting, int]:
    return (await device.read_config(SCOPE)).in_force


async def one(device: Device) -> RadioReading:
    return (await device.read(TABLES, frozenset({A}))).readings[A]


def counters(reading: RadioReading) -> Counters:
    assert reading.counters is not None
    return reading.counters


def test_it_is_what_the_contract_asks_for() -> None:
    contract: DriverFamily = family
    assert contract.check_options({})["world"] == "default"

    async def scene(scene: Scene) -> None:
        device: Device = scene.device()
        info = await device.open()
        assert set(info.radios) == set(KEYS[:2])
        assert info.capabilities.tables == frozenset(Table)
        assert info.capabilities.undo_timer_s == (5.0, 3600.0)

    play(scene)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table_refresh_s": {"status": 5}}, "table_refresh_s"),
        ({"worlds": "x"}, "worlds"),
        ({"latency_s": "-1"}, "latency_s"),
        ({"country": "us"}, "country"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_sentence(options: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        family.check_options(options)
    assert "\n" not in str(caught.value)


def test_options_are_typed_from_text() -> None:
    checked = family.check_options({"undo_timer": "false", "positions_m": {"ap1": ["0", "4", "3"]}})
    assert (checked["undo_timer"], checked["positions_m"]) == (False, {"ap1": (0.0, 4.0, 3.0)})


def test_a_reading_has_what_was_asked_for() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        await asyncio.sleep(600)
        snapshot = await device.read(TABLES, frozenset({A, RadioKey("s/ap9/r5")}))
        reading = snapshot.readings[A]
        assert snapshot.missing == {"s/ap9/r5": Absence.ABSENT}
        assert reading.state is RadioState.ON_AIR
        assert reading.channel is not None
        assert reading.channel.value == 36
        assert reading.at_s == snapshot.at_s == scene.clock.monotonic() == 600.04
        assert reading.clients
        assert all(isinstance(each, ClientReading) for each in reading.clients)
        assert reading.survey
        assert isinstance(reading.survey[0], SurveyReading)
        assert reading.neighbors is None
        only = await device.read(frozenset({Table.STATUS}), None)
        assert only.readings[A].clients is None
        assert set(only.readings) == set(KEYS[:2])

    play(scene)


def test_a_change_its_read_back_and_its_undo() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        have = await device.read_config(SCOPE)
        there = edit({CHANNEL: 36}, channel=149)
        effects = device.plan(there, have)
        assert (effects.outage, effects.readback) == (Outage.CSA, Readback.IN_FORCE)
        await device.apply(there, None)
        await asyncio.sleep(effects.silent_s)
        assert (await in_force(device))[CHANNEL] == 149
        await device.apply(edit({CHANNEL: 149}, channel=36), None)
        await asyncio.sleep(effects.silent_s)
        assert await in_force(device) == have.in_force

    play(scene)


def test_an_edit_that_expects_something_else_writes_nothing() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.world.set_externally(A, {CHANNEL: 161})
        await asyncio.sleep(1)
        with pytest.raises(Conflict, match="channel is 161"):
            await device.apply(edit({CHANNEL: 36}, channel=149), None)
        await asyncio.sleep(1)
        assert (await in_force(device))[CHANNEL] == 161

    play(scene)


@pytest.mark.parametrize(
    ("values", "state", "outage", "silent_s"),
    [
        ({"channel": 149}, RadioState.ON_AIR, Outage.CSA, 1.0),
        ({"channel": 52}, RadioState.ON_AIR, Outage.CAC, 65.0),
        ({"channel": 36}, RadioState.ON_AIR, Outage.NONE, 0.0),
        ({"tx_power_dbm": 9}, RadioState.ON_AIR, Outage.NONE, 0.0),
        ({"enabled": 0}, RadioState.ON_AIR, Outage.CLIENTS_DROP, 0.0),
        ({"enabled": 0}, RadioState.OFF, Outage.NONE, 0.0),
        ({"channel": 149}, RadioState.NOP, Outage.NONE, 0.0),
    ],
)
def test_effects(values: dict[str, int], state: RadioState, outage: Outage, silent_s: float) -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        have = await device.read_config(SCOPE)
        effects = device.plan(edit(None, **values), replace(have, state=state))
        assert (effects.outage, effects.silent_s) == (outage, silent_s)
        assert bool(effects.commands) == (values != {"channel": 36})

    play(scene)


def test_the_check_takes_as_long_as_was_said() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        effects = device.plan(edit(channel=52), await device.read_config(SCOPE))
        await device.apply(edit(channel=52), None)
        assert (await device.read_config(SCOPE)).state is RadioState.CAC
        await asyncio.sleep(effects.silent_s)
        assert (await device.read_config(SCOPE)).state is RadioState.ON_AIR

    play(scene)


def test_what_was_declared_impossible_is_a_bug_of_the_caller() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(undo_timer=False)
        have = await device.read_config(SCOPE)
        for wrong in (edit(), edit(width_mhz=60), edit(channel=7)):
            with pytest.raises(Unsupported):
                device.plan(wrong, have)
        with pytest.raises(Unsupported, match="undo timer"):
            await device.apply(edit(channel=149), 60)
        stranger = ScopeRef(kind="device", name="ap1", members=KEYS[:2])
        with pytest.raises(Unsupported, match="only single radios"):
            await device.read_config(stranger)

    play(scene)


# the device's own undo timer


def test_unless_confirmed_the_device_goes_back_by_itself() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        receipt = await device.apply(edit(channel=149), 60)
        assert receipt.undo_armed
        await asyncio.sleep(59)
        assert (await in_force(device))[CHANNEL] == 149
        await asyncio.sleep(2)
        assert (await in_force(device))[CHANNEL] == 36
        with pytest.raises(Refused, match="run out"):
            await device.confirm(receipt)

    play(scene)


def test_it_goes_back_even_when_the_session_is_gone() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        await device.apply(edit(channel=149), 60)
        await device.close()
        await asyncio.sleep(120)
        await device.open()
        assert (await in_force(device))[CHANNEL] == 36

    play(scene)


def test_confirmed_it_stays_and_cancelled_it_goes_back_at_once() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        await device.confirm(await device.apply(edit(channel=149), 60))
        await asyncio.sleep(120)
        assert (await in_force(device))[CHANNEL] == 149
        await device.cancel(await device.apply(edit(channel=157), 60))
        await asyncio.sleep(1)
        assert (await in_force(device))[CHANNEL] == 149
        with pytest.raises(Unsupported):
            await device.cancel(await device.apply(edit(channel=157), None))

    play(scene)


# signals


@contextmanager
def listening(device: SimulatedDevice) -> Iterator[list[Signal]]:
    heard: list[Signal] = []

    async def listen() -> None:
        async for signal in device.signals():
            heard.append(signal)

    task = asyncio.create_task(listen(), name="listen")
    try:
        yield heard
    finally:
        task.cancel()


def test_radar_is_pushed_at_once_and_without_polling() -> None:
    async def scene(scene: Scene) -> None:
        scene.world.at(3600, lambda: scene.world.radar(A))
        device = await scene.opened()
        with listening(device) as heard:
            await asyncio.sleep(7200)
        assert [type(each) for each in heard[:2]] == [RadarDetected, ChannelSwitched]
        radar, switch = heard[:2]
        assert isinstance(radar, RadarDetected)
        assert (radar.at_s, radar.device, radar.mhz20) == (3600.0, "ap1", frozenset({5260}))
        assert switch.at_s == pytest.approx(3600.4)

    play(scene, mall(52))


def test_only_its_own_radios_are_pushed() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(KEYS[2])
        with listening(device) as heard:
            scene.world.radar(A)
            await asyncio.sleep(60)
        assert heard == []

    play(scene, mall(52))


def test_a_check_and_the_clients_that_it_costs_are_pushed() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        people = scene.world.clients_of(A)
        with listening(device) as heard:
            await device.apply(edit(channel=52), None)
            await asyncio.sleep(61)
        assert {each.mac for each in heard if isinstance(each, ClientLeft)} >= set(people)
        assert any(isinstance(each, CacStarted) and each.cac_s == 60 for each in heard)
        assert any(isinstance(each, CacFinished) and each.success for each in heard)

    play(scene)


def test_the_stream_ends_on_disconnect_and_begins_again_with_a_gap() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.READ, Kind.DISCONNECT)
        with listening(device) as before, pytest.raises(Disconnected):
            await device.read(TABLES, None)
        with pytest.raises(Disconnected):
            await device.read(TABLES, None)
        await device.open()
        with listening(device) as after:
            await asyncio.sleep(1)
        assert before == []
        assert [type(each) for each in after] == [Gap]

    play(scene)


# faults: writes


FAILING = [
    (Kind.TIMEOUT, DeviceTimeout, False),
    (Kind.TIMEOUT_DONE, DeviceTimeout, True),
    (Kind.REFUSED, Refused, False),
    (Kind.DISCONNECT, Disconnected, False),
    (Kind.DISCONNECT_DONE, Disconnected, True),
]
"""What goes wrong with a write; what the caller is told; whether it was done."""


@pytest.mark.parametrize(("kind", "error", "done"), FAILING)
def test_a_write_that_fails(kind: Kind, error: type[Exception], done: bool) -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.APPLY, kind)
        with pytest.raises(error):
            await device.apply(edit(channel=149), None)
        await device.open()
        await asyncio.sleep(1)
        assert (await in_force(device))[CHANNEL] == (149 if done else 36)

    play(scene)


def test_success_is_reported_and_nothing_was_done() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.APPLY, Kind.NOT_DONE)
        await device.apply(edit(channel=149), None)
        await asyncio.sleep(1)
        assert (await in_force(device))[CHANNEL] == 36

    play(scene)


def test_something_else_was_done_and_something_else_is_read_back() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.APPLY, Kind.DONE_WRONG, values={CHANNEL: 157})
        await device.apply(edit(channel=149), None)
        await asyncio.sleep(1)
        scene.script(Operation.READ_CONFIG, Kind.WRONG_READBACK, values={CHANNEL: 149})
        assert (await in_force(device))[CHANNEL] == 149
        assert (await in_force(device))[CHANNEL] == 157

    play(scene)


@pytest.mark.parametrize(("closed", "channel"), [(False, 149), (True, 36)])
def test_a_late_write_lands_unless_the_session_was_closed(closed: bool, channel: int) -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.APPLY, Kind.DONE_LATE, after_s=30.0)
        with pytest.raises(DeviceTimeout):
            await device.apply(edit(channel=149), None)
        assert (await in_force(device))[CHANNEL] == 36
        if closed:
            await device.close()
        await asyncio.sleep(60)
        assert scene.world.in_force(A)[CHANNEL] == channel

    play(scene)


def test_close_ends_a_call_that_hangs_and_what_it_would_have_done() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.APPLY, Kind.HANG)
        call = asyncio.create_task(device.apply(edit(channel=149), None), name="call")
        await asyncio.sleep(3600)
        assert not call.done()
        await device.close()
        with pytest.raises(Disconnected):
            await call
        await asyncio.sleep(60)
        assert scene.world.in_force(A)[CHANNEL] == 36

    play(scene)


def test_close_overtakes_a_read_on_its_way() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(latency_s=2)
        call = asyncio.create_task(device.read(TABLES, None), name="call")
        await asyncio.sleep(1)
        await device.close()
        with pytest.raises(Disconnected):
            await call

    play(scene)


def test_close_overtakes_a_write_on_its_way() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(latency_s=2)
        call = asyncio.create_task(device.apply(edit(channel=149), None), name="call")
        await asyncio.sleep(1)
        await device.close()
        with pytest.raises(Disconnected):
            await call
        await asyncio.sleep(60)
        assert scene.world.in_force(A)[CHANNEL] == 36

    play(scene)


def test_a_reboot_in_the_middle() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        await device.apply(edit(tx_power_dbm=9), None)
        before = counters(await one(device))
        scene.script(Operation.APPLY, Kind.REBOOT, 2)
        with pytest.raises(Disconnected):
            await device.apply(edit(channel=149), None)
        with pytest.raises(DeviceTimeout):
            await device.open()
        await asyncio.sleep(60)
        await device.open()
        assert (await in_force(device))[Setting.TX_POWER_DBM] == 17
        assert counters(await one(device)).epoch != before.epoch

    play(scene)


def test_a_device_that_does_not_open() -> None:
    async def scene(scene: Scene) -> None:
        for kind, error in ((Kind.TIMEOUT, DeviceTimeout), (Kind.REFUSED, Refused)):
            scene.stage.faults.add(Scripted(Operation.OPEN, lambda call: True, Fault(kind)))
            device = scene.device()
            with pytest.raises(error):
                await device.open()
            with pytest.raises(Disconnected):
                await device.read(TABLES, None)

    play(scene)


# faults: reads


def test_frozen_counters() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        first = await one(device)
        scene.script(Operation.READ, Kind.FROZEN, 2)
        await asyncio.sleep(60)
        second = await one(device)
        assert (second.counters, second.survey) == (first.counters, first.survey)
        assert second.at_s == first.at_s + 60.02
        assert counters(await one(device)) != first.counters

    play(scene)


def test_32_bit_totals_wrap() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.READ, Kind.WRAP_32)
        before = counters(await one(device))
        await asyncio.sleep(600)
        after = counters(await one(device))
        assert before.width_bits == after.width_bits == 32
        assert before.tx_frames == 2**32 - 1000
        assert after.tx_frames is not None
        assert 0 < after.tx_frames < 10**6
        assert after.epoch == before.epoch

    play(scene)


def test_counters_that_start_again() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        await asyncio.sleep(600)
        before = counters(await one(device))
        scene.script(Operation.READ, Kind.COUNTER_RESET, 2)
        after = counters(await one(device))
        assert (after.tx_frames, before.tx_frames == 0) == (0, False)
        assert after.epoch != before.epoch
        assert counters(await one(device)).epoch == after.epoch

    play(scene)


def test_a_partial_answer_and_a_garbled_one() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.READ, Kind.PARTIAL, 1, radios=frozenset({A}))
        partial = await device.read(TABLES, None)
        assert partial.missing == {A: Absence.TIMEOUT}
        assert set(partial.readings) == {KEYS[1]}
        scene.script(Operation.READ, Kind.GARBAGE, 2)
        garbled = await device.read(TABLES, None)
        assert garbled.missing == dict.fromkeys(KEYS[:2], Absence.GARBAGE)
        scene.script(Operation.READ_CONFIG, Kind.GARBAGE)
        with pytest.raises(Garbage):
            await device.read_config(SCOPE)

    play(scene)


def test_tables_that_are_renewed_late_say_how_old_they_are() -> None:
    async def scene(scene: Scene) -> list[tuple[float, bool]]:
        device = await scene.opened(refresh_s=180, latency_s=0)
        seen, last = [], None
        for _ in range(8):
            reading = await one(device)
            seen.append((reading.fresh_s, reading.counters != last))
            last = reading.counters
            await asyncio.sleep(60)
        return seen

    ages = [(0.0, True), (60.0, False), (120.0, False)]
    assert play(scene) == [*ages, *ages, *ages[:2]]


def test_each_table_may_be_renewed_in_its_own_time() -> None:
    async def scene(scene: Scene) -> None:
        late = {"neighbors": 300, "clients": 180, "counters": 180}
        device = await scene.opened(refresh_s=120, table_refresh_s=late, latency_s=0)
        capabilities = (await device.open()).capabilities
        renewed = {Table.SURVEY: 120, Table.COUNTERS: 180, Table.CLIENTS: 180, Table.NEIGHBORS: 300}
        assert capabilities.refresh_s == renewed
        scene.world.add_foreign("0a:00:00:00:00:01", block(Band.GHZ_5, 149, 20), (3.0, 3.0, 1.0))
        seen = [(await device.read(frozenset(Table), None)).readings[A]]
        scene.world.remove_foreign("0a:00:00:00:00:01")
        for _ in range(5):
            await asyncio.sleep(60)
            seen.append((await device.read(frozenset(Table), None)).readings[A])
        assert [each.fresh_s for each in seen] == [0, 60, 120, 60, 60, 120]
        assert [a.counters == b.counters for a, b in pairwise(seen)] == [True, True, False, True, True]
        assert [a.survey == b.survey for a, b in pairwise(seen)] == [True, False, True, False, True]
        heard = [[each.age_s for each in reading.neighbors or () if each.channel == 149] for reading in seen]
        assert heard == [[0], [60], [120], [180], [240], []]

    play(scene)


def test_a_table_that_was_not_asked_for_is_not_what_the_next_one_gets() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(refresh_s=180, latency_s=0)
        await asyncio.sleep(60)
        await device.read(frozenset({Table.STATUS}), None)
        await device.read(frozenset({Table.SURVEY}), None)
        await asyncio.sleep(60)
        reading = await one(device)
        assert reading.clients
        assert reading.survey
        assert reading.fresh_s == 60  # of the survey

    play(scene)


# APs that fail


def test_a_dead_ap_times_out_and_is_there_again_after_its_boot() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(latency_s=0)
        with listening(device) as heard:
            scene.world.hardware.kill_ap("s/ap1")
            for call in (lambda: device.read(TABLES, None), lambda: device.read_config(SCOPE)):
                began_s = scene.clock.monotonic()
                with pytest.raises(DeviceTimeout):
                    await call()
                assert scene.clock.monotonic() - began_s == 10.0
            with pytest.raises(DeviceTimeout):
                await device.open()
            scene.world.hardware.revive_ap("s/ap1")
            with pytest.raises(DeviceTimeout):
                await device.open()  # it boots
            await asyncio.sleep(60)
            await device.open()
        assert heard == []
        assert (await one(device)).state is RadioState.ON_AIR

    play(scene)


def test_what_was_on_its_way_into_a_dead_ap_is_not_done() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.script(Operation.APPLY, Kind.DONE_LATE, after_s=30.0)
        with pytest.raises(DeviceTimeout):
            await device.apply(edit(channel=149), None)
        scene.world.hardware.kill_ap("s/ap1")
        await asyncio.sleep(60)
        assert scene.world.state_of(A) is RadioState.OFF
        assert scene.world.in_force(A)[CHANNEL] == 36

    play(scene)


def test_without_management_nothing_is_told_though_the_radio_serves() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.world.hardware.cut_management("s/ap1")
        with listening(device) as heard:
            scene.world.drop_clients(A)
            await asyncio.sleep(60)
            with pytest.raises(DeviceTimeout):
                await device.apply(edit(channel=149), None)
        assert heard == []
        assert scene.world.clients_of(A)
        scene.world.hardware.restore_management("s/ap1")
        assert (await in_force(device))[CHANNEL] == 36

    play(scene)


def test_a_controller_answers_for_the_aps_that_are_left() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(*KEYS)
        scene.world.hardware.kill_ap("s/ap1")
        snapshot = await device.read(TABLES, None)
        assert snapshot.missing == dict.fromkeys(KEYS[:2], Absence.TIMEOUT)
        assert set(snapshot.readings) == {KEYS[2]}
        with pytest.raises(DeviceTimeout):
            await device.read_config(SCOPE)
        scene.world.hardware.kill_ap("s/ap2")
        with pytest.raises(DeviceTimeout):
            await device.read(TABLES, None)

    play(scene)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, {RadioFault}),
        ({"fault_reports": False}, set()),
        ({"spectrum_analyser": True}, {RadioFault, InterferenceHeard}),
        ({"intrusion_detection": True}, {RadioFault, AttackHeard, RogueHeard}),
    ],
)
def test_a_device_tells_what_it_would_know(options: dict[str, bool], told: set[type]) -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(**options)
        world, where = scene.world, (3.0, 3.0, 1.0)
        with listening(device) as heard:
            world.hostile.add_rogue("0e:00:00:00:00:01", block(Band.GHZ_5, 149, 20), where)
            world.hostile.add_jammer("jammer", 5170, 5250, where)
            world.hardware.reset(A)
            await asyncio.sleep(1)
            await one(device)
        kinds = (RadioFault, InterferenceHeard, AttackHeard, RogueHeard)
        assert {type(each) for each in heard if isinstance(each, kinds)} == told

    play(scene)


# actions


def test_a_restart_heals_a_stuck_queue() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        assert (await device.open()).capabilities.actions == {Action.RESTART, Action.STEER}
        scene.world.hardware.stick(A)
        await asyncio.sleep(60)
        before = counters(await one(device))
        await device.act(ActionRequest(action=Action.RESTART, radio=A))
        assert (await one(device)).state is RadioState.OFF
        await asyncio.sleep(30)
        scene.world.add_client("06:ff:00:00:00:01", (1.0, 0.0, 1.0))  # the others have gone elsewhere
        await asyncio.sleep(60)
        assert (counters(await one(device)).tx_frames or 0) > (before.tx_frames or 0)

    play(scene)


def test_steered_clients_are_somewhere_else_soon() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        people, target = scene.world.clients_of(A), scene.world.radio(KEYS[1]).bssid
        request = ActionRequest(action=Action.STEER, radio=A, clients=people, to_bssids=(target,))
        await device.act(request)
        await asyncio.sleep(10)
        moved = set(people) - set(scene.world.clients_of(A))
        assert moved
        assert moved == set(scene.world.clients_of(KEYS[1]))

    play(scene)


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [*FAILING, (Kind.DONE_LATE, DeviceTimeout, True), (Kind.NOT_DONE, None, False)],
)
def test_an_action_that_fails(kind: Kind, error: type[Exception] | None, done: bool) -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        scene.world.hardware.stick(A)
        scene.script(Operation.ACT, kind, after_s=20.0)
        with pytest.raises(error) if error else nullcontext():
            await device.act(ActionRequest(action=Action.RESTART, radio=A))
        await asyncio.sleep(60)
        assert scene.world.radio(A).stuck is not done

    play(scene)


def test_an_action_that_is_not_declared_is_unsupported() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(actions=["steer"])
        assert (await device.open()).capabilities.actions == {Action.STEER}
        with pytest.raises(Unsupported):
            await device.act(ActionRequest(action=Action.RESTART, radio=A))
        with pytest.raises(Unsupported):
            await device.act(ActionRequest(action=Action.STEER, radio=KEYS[2]))
        scene.world.configure(A, {Setting.ENABLED: 0})
        restarting = await scene.opened()
        with pytest.raises(Refused):
            await restarting.act(ActionRequest(action=Action.RESTART, radio=A))

    play(scene)


def test_an_obss_pd_level_that_acts_drops_nobody() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened()
        assert (await device.open()).capabilities.obss_pd_acts
        change = edit(obss_pd_dbm=-76)
        effects = device.plan(change, await device.read_config(SCOPE))
        assert (effects.outage, effects.readback) == (Outage.NONE, Readback.IN_FORCE)
        people = scene.world.clients_of(A)
        await device.apply(change, None)
        assert scene.world.clients_of(A) == people
        have = await in_force(device)
        assert (have[Setting.OBSS_PD_DBM], have[Setting.TX_POWER_DBM]) == (-76, 15)
        assert device.plan(change, await device.read_config(SCOPE)).commands == ()

    play(scene)


def test_a_level_that_takes_a_restart_is_told_as_configured_only() -> None:
    async def scene(scene: Scene) -> None:
        device = await scene.opened(obss_pd_acts=False)
        assert not (await device.open()).capabilities.obss_pd_acts
        change = edit(obss_pd_dbm=-76)
        effects = device.plan(change, await device.read_config(SCOPE))
        assert (effects.outage, effects.readback) == (Outage.CLIENTS_DROP, Readback.CONFIGURED)
        await device.apply(change, None)
        assert scene.world.clients_of(A) == ()
        assert (await device.read_config(SCOPE)).state is RadioState.OFF
        await asyncio.sleep(effects.silent_s)
        have = await device.read_config(SCOPE)
        assert have.state is RadioState.ON_AIR
        assert Setting.OBSS_PD_DBM not in have.in_force
        assert (have.configured[Setting.OBSS_PD_DBM], have.in_force[Setting.TX_POWER_DBM]) == (-76, 15)
        assert device.plan(change, have).commands == ()
        reading = (await device.read(frozenset({Table.STATUS}), None)).readings[A]
        assert reading.obss_pd_dbm == Reported(-76, "simulated.configured")
        with pytest.raises(Conflict, match="obss_pd_dbm is -76"):
            await device.apply(edit({Setting.OBSS_PD_DBM: -82}, obss_pd_dbm=-79), None)
        with pytest.raises(Unsupported, match="no channel beside it"):
            device.plan(edit(obss_pd_dbm=-79, channel=149), have)

    play(scene)


# worlds made of an inventory


def test_devices_of_an_inventory_share_a_world_of_their_own() -> None:
    async def main(clock: SimulatedClock) -> None:
        devices = []
        for ap in ("ap1", "ap2"):
            mine = tuple(radio(key) for key in KEYS if f"/{ap}/" in key)
            options = family.check_options({"world": "made", "seed": "4", "clients_per_ap": "3"})
            config = DeviceConfig(id=ap, driver="simulated", address="", options=options)
            devices.append(
                family.device(DeviceContext(config=config, radios=mine, secret=None, clock=clock.monotonic))
            )
        for device in devices:
            await device.open()
        await asyncio.sleep(600)
        heard = (await devices[0].read(frozenset(Table), None)).readings[A].neighbors
        assert [each.bssid for each in heard or ()] == [worlds.get("made").world.radio(KEYS[2]).bssid]

    try:
        run(main)
    finally:
        worlds.forget("made")


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_simulated_devices_of_the_example_sites_run(path: Path) -> None:
    site = load(path, discover(entry_points(group=GROUP)).schemas())

    async def main(clock: SimulatedClock) -> None:
        for config in site.devices.values():
            if config.driver == "simulated":
                radios = tuple(each for key, each in site.radios.items() if site.device_of(key) == config)
                context = DeviceContext(config=config, radios=radios, secret=None, clock=clock.monotonic)
                device = family.device(context)
                await device.open()
                await asyncio.sleep(60)
                found = await device.read(frozenset(Table), None)
                assert set(found.readings) == {each.key for each in radios}
                assert all(each.state is RadioState.ON_AIR for each in found.readings.values())
                worlds.forget(config.options["world"])

    run(main)


def test_a_name_is_registered_once() -> None:
    with worlds.registered("mall", mall()), pytest.raises(ValueError, match="mall"):
        worlds.register("mall", mall())
    with pytest.raises(KeyError):
        worlds.get("mall")

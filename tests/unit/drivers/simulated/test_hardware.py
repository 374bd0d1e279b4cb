"""What breaks in an AP, and what heals it."""

from __future__ import annotations

import pytest

from drivers.signals import RadioDown, RadioFault, RadioUp, Signal
from drivers.simulated.firmware import NotPossible
from drivers.simulated.reading import read_radio
from drivers.simulated.world import World
from drivers.types import RadioReading, RadioState, Setting, Table
from inventory.channels import block
from inventory.model import Band, Radio, RadioKey

A, B = RadioKey("s/ap0/r5"), RadioKey("s/ap1/r5")
AP = "s/ap0"


def hall(channel: int = 36) -> World:
    world = World(1, "US", start_hour=12)
    for key, x in ((A, 0.0), (B, 20.0)):
        where = block(Band.GHZ_5, channel, 20)
        world.add_radio(Radio(key=key, band=Band.GHZ_5), where, position=(x, 0.0, 3.0))
    world.add_clients(6, stays=True)
    world.advance(60)
    return world


def read(world: World, key: RadioKey = A) -> RadioReading:
    return read_radio(world, key, frozenset(Table), world.now_s)


def heard_by_b(world: World) -> bool:
    bssids = {each.bssid for each in read(world, B).neighbors or ()}
    return world.radio(A).bssid in bssids


def recorded(world: World) -> list[Signal]:
    signals: list[Signal] = []
    world.watch(lambda _, signal: signals.append(signal))
    return signals


def frames(world: World) -> int:
    counters = read(world).counters
    assert counters is not None
    assert counters.tx_frames is not None
    return counters.tx_frames


def test_a_dead_ap_is_off_air_and_does_not_answer_until_it_has_booted() -> None:
    world = hall()
    people = set(world.clients_of(A)) | set(world.clients_of(B))
    world.hardware.kill_ap(AP)
    world.advance(120)
    assert not world.hardware.answers(A)
    assert world.hardware.answers(B)
    assert not heard_by_b(world)
    assert set(world.clients_of(B)) == people
    world.hardware.revive_ap(AP)
    assert world.state_of(A) is RadioState.STARTING
    world.advance(200)
    assert world.state_of(A) is RadioState.ON_AIR
    assert world.hardware.answers(A)
    assert heard_by_b(world)


def test_nothing_can_be_written_to_a_dead_ap() -> None:
    world = hall()
    handle = world.arm_undo(A, {Setting.CHANNEL: 149}, 30)
    world.hardware.kill_ap(AP)
    with pytest.raises(NotPossible, match="no power"):
        world.configure(A, {Setting.ENABLED: 1})
    with pytest.raises(NotPossible, match="no power"):
        world.restart(A)
    assert not world.disarm(handle)
    world.advance(200)
    assert world.state_of(A) is RadioState.OFF


def test_an_ap_without_management_serves_on() -> None:
    world = hall()
    before = frames(world)
    people = world.clients_of(A)
    world.hardware.cut_management(AP)
    world.advance(120)
    assert not world.hardware.answers(A)
    assert heard_by_b(world)
    assert world.clients_of(A) == people
    assert frames(world) > before
    world.hardware.restore_management(AP)
    assert world.hardware.answers(A)


def test_management_of_a_dead_ap_is_not_restored() -> None:
    world = hall()
    world.hardware.kill_ap(AP)
    world.hardware.restore_management(AP)
    assert not world.hardware.answers(A)


def test_a_broken_radio_stays_down_until_it_is_mended() -> None:
    world = hall()
    signals = recorded(world)
    world.hardware.break_radio(A)
    told = [each for each in signals if isinstance(each, RadioDown | RadioFault)]
    assert [type(each) for each in told] == [RadioDown, RadioFault]
    world.restart(A)
    world.advance(80)
    assert world.state_of(A) is RadioState.OFF
    world.configure(A, {Setting.ENABLED: 1})
    world.reboot(AP)
    world.advance(200)
    assert world.state_of(A) is RadioState.OFF
    world.hardware.mend_radio(A)
    world.advance(210)
    assert world.state_of(A) is RadioState.ON_AIR
    assert [each.over for each in signals if isinstance(each, RadioFault)] == [False, True]


def test_a_crashed_radio_is_brought_back_by_a_restart() -> None:
    world = hall()
    world.hardware.crash_radio(A)
    world.advance(100)
    assert world.state_of(A) is RadioState.OFF
    assert world.in_force(A)[Setting.ENABLED] == 0
    world.restart(A)
    world.advance(110)
    assert world.state_of(A) is RadioState.ON_AIR


def test_a_stuck_queue_keeps_clients_and_sends_nothing_until_a_restart() -> None:
    world = hall()
    world.hardware.stick(A)
    people, before = world.clients_of(A), frames(world)
    world.advance(180)
    now = read(world)
    assert frames(world) == before
    assert world.clients_of(A) == people
    assert people
    (used,) = (each for each in now.survey or () if each.in_use)
    assert used.active_ms == pytest.approx(180_000)
    assert (used.busy_ms or 0) > 0
    world.restart(A)
    world.advance(300)
    assert frames(world) > before
    assert set(world.clients_of(A)) == set(people)


@pytest.mark.parametrize("channel", [36, 52])
def test_a_restart_drops_the_clients_and_they_come_back(channel: int) -> None:
    world = hall(channel)
    people, signals = set(world.clients_of(A)), recorded(world)
    world.restart(A)
    assert world.clients_of(A) == ()
    assert world.state_of(A) is RadioState.OFF
    world.advance(80)
    assert world.block_of(A).primary == channel
    assert set(world.clients_of(A)) | set(world.clients_of(B)) >= people
    ends = [type(each) for each in signals if isinstance(each, RadioDown | RadioUp)]
    assert ends == [RadioDown, RadioUp]


def test_a_radio_that_is_off_on_purpose_is_not_restarted() -> None:
    world = hall()
    world.configure(A, {Setting.ENABLED: 0})
    with pytest.raises(NotPossible):
        world.restart(A)
    world.advance(100)
    assert world.state_of(A) is RadioState.OFF


def test_a_restart_does_not_go_back_onto_radar() -> None:
    world = hall(52)
    world.set_stubborn(A)
    world.radar(A)
    world.restart(A)
    world.advance(100)
    assert world.state_of(A) is RadioState.NOP
    world.advance(60 + 1800 + 61)
    assert world.state_of(A) is RadioState.ON_AIR


def test_each_hardware_reset_is_counted_and_told() -> None:
    world = hall()
    signals = recorded(world)
    for _ in range(3):
        world.hardware.reset(A)
        world.advance(world.now_s + 60)
    assert read(world).hardware_resets == 3
    assert read(world, B).hardware_resets == 0
    assert sum(isinstance(each, RadioFault) for each in signals) == 3
    assert world.clients_of(A)


def test_a_person_helps_only_where_help_is_needed() -> None:
    world = hall()
    people = world.clients_of(A)
    world.hardware.help_radio(A)
    assert world.clients_of(A) == people
    world.hardware.stick(A)
    world.hardware.help_radio(A)
    world.advance(100)
    assert not world.radio(A).stuck
    assert world.state_of(A) is RadioState.ON_AIR

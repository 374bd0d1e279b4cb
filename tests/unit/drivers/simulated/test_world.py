"""The simulated world: same seed, same story; what radios, radar and people do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from itertools import pairwise
from random import Random

import pytest

from drivers.signals import (
    CacFinished,
    CacStarted,
    ChannelSwitched,
    ClientLeft,
    NopFinished,
    RadarDetected,
    Signal,
)
from drivers.simulated.day import daily_ratio
from drivers.simulated.firmware import NotPossible
from drivers.simulated.noise import LogNoise
from drivers.simulated.propagation import Propagation, Wall
from drivers.simulated.reading import read_radio
from drivers.simulated.world import World
from drivers.types import Counters, RadioReading, RadioState, Setting, SurveyReading, Table
from inventory.channels import Block, block
from inventory.model import Band, Radio, RadioKey
from inventory.regulatory import dfs_needed

ALL = frozenset(Table)
POLLED = ALL - {Table.NEIGHBORS}
CHANNELS = (36, 40, 44, 48)


def five(channel: int, width_mhz: int = 20) -> Block:
    return block(Band.GHZ_5, channel, width_mhz)


def key_of(number: int) -> RadioKey:
    return RadioKey(f"s/ap{number}/r5")


A = key_of(0)


def mall(
    aps: int = 4,
    *,
    seed: int = 1,
    country: str = "US",
    channel: int | None = None,
    clients: int = 5,
    allowed_mhz: frozenset[int] | None = None,
) -> World:
    """APs 20 m apart in a row at noon, with clients that stay."""
    world = World(seed, country, start_hour=12)
    for number in range(aps):
        where = five(channel or CHANNELS[number % 4])
        radio = Radio(key=key_of(number), band=Band.GHZ_5)
        world.add_radio(radio, where, position=(20.0 * number, 0.0, 3.0), allowed_mhz=allowed_mhz)
    world.add_clients(clients, stays=True)
    return world


def reading(world: World, key: RadioKey = A, tables: frozenset[Table] = POLLED) -> RadioReading:
    return read_radio(world, key, tables, world.now_s)


def counters(world: World, key: RadioKey = A) -> Counters:
    found = reading(world, key).counters
    assert found is not None
    return found


def retry_ratio(world: World, seconds: float, key: RadioKey = A) -> float:
    """Over the next so many seconds."""
    before = counters(world, key)
    world.advance(world.now_s + seconds)
    after = counters(world, key)
    assert after.tx_retries is not None
    assert before.tx_retries is not None
    return (after.tx_retries - before.tx_retries) / frames(before, after)


def frames(before: Counters, after: Counters) -> int:
    assert after.tx_frames is not None
    assert before.tx_frames is not None
    return after.tx_frames - before.tx_frames


def survey(world: World, key: RadioKey = A) -> SurveyReading:
    found = reading(world, key).survey
    assert found is not None
    return next(each for each in found if each.in_use)


def recorded(world: World) -> list[Signal]:
    signals: list[Signal] = []
    world.watch(lambda _, signal: signals.append(signal))
    return signals


def story(seed: int, step_s: float) -> tuple[Mapping[RadioKey, RadioReading], list[Signal]]:
    """Two hours with people who come and go, a radar hit, a spoilt channel and a reboot."""
    world = World(seed, "US", start_hour=8)
    for number in range(6):
        world.add_radio(
            Radio(key=key_of(number), band=Band.GHZ_5), five(52), position=(15.0 * number, 0.0, 3.0)
        )
    world.add_clients(8)
    signals = recorded(world)
    world.at(1800, lambda: world.radar(5260))
    world.at(3000, lambda: world.spoil(A, None, 3.0))
    world.at(3600, lambda: world.reboot("s/ap3"))
    while world.now_s < 7200:
        world.advance(min(7200.0, world.now_s + step_s))
        for key in world.radio_keys():
            reading(world, key)
    return {key: reading(world, key, ALL) for key in world.radio_keys()}, signals


def test_same_seed_same_story() -> None:
    assert story(7, 30) == story(7, 30)


def test_another_seed_is_another_story() -> None:
    assert story(7, 30)[1] != story(8, 30)[1]


@pytest.mark.parametrize("step_s", [1.0, 7200.0])
def test_looking_more_or_less_often_changes_nothing(step_s: float) -> None:
    readings, signals = story(7, 30)
    others, other_signals = story(7, step_s)
    assert other_signals == signals
    for key, each in readings.items():
        assert (each.channel, each.state) == (others[key].channel, others[key].state)
        assert abs(frames(each.counters or Counters(), others[key].counters or Counters())) <= 1


def test_counters_never_fall() -> None:
    world = mall()
    world.add_clients(5)
    before = {key: counters(world, key) for key in world.radio_keys()}
    for _ in range(240):
        world.advance(world.now_s + 30)
        for key in world.radio_keys():
            now = counters(world, key)
            for name in ("tx_frames", "tx_retries", "tx_failed", "tx_bytes", "disconnects"):
                assert getattr(now, name) >= getattr(before[key], name)
            before[key] = now


def test_survey_shares_add_up() -> None:
    world = mall(channel=36)
    world.advance(3600)
    found = survey(world)
    assert found.active_ms == pytest.approx(3_600_000)
    assert found.busy_ms is not None
    assert found.rx_ms is not None
    assert found.tx_ms is not None
    assert 0 < found.rx_ms + found.tx_ms <= found.busy_ms + 2 <= 3_600_000


def test_what_the_radio_sent_is_what_its_clients_were_sent() -> None:
    world = mall()
    world.advance(1800)
    now = reading(world)
    assert now.clients
    assert now.counters is not None
    for name in ("tx_frames", "tx_retries", "tx_failed", "tx_bytes"):
        total = sum(getattr(each, name) for each in now.clients)
        assert getattr(now.counters, name) - len(now.clients) <= total <= getattr(now.counters, name)


def test_who_comes_or_goes_takes_nothing_from_who_stays() -> None:
    plain, left, joined = (mall(1, clients=2) for _ in range(3))
    for world in (plain, left, joined):
        world.advance(30)
    left.drop_clients(A, 0.5)
    joined.add_client("06:ff:00:00:00:01", (1.0, 0.0, 1.0))
    staying = left.clients_of(A)[0]
    had = [
        next(each for each in reading(world).clients or () if each.mac == staying)
        for world in (plain, left, joined)
    ]
    assert had[0] == had[1] == had[2]
    assert (had[0].tx_frames or 0) > 0


def test_every_client_is_at_one_radio_or_nowhere() -> None:
    world = mall()
    world.add_clients(10)
    for minute in range(120):
        if minute == 60:
            world.reboot("s/ap1")
        world.advance(60.0 * minute)
        attached = [mac for key in world.radio_keys() for mac in world.clients_of(key)]
        assert len(attached) == len(set(attached))


def test_clients_attach_to_the_strongest() -> None:
    world = mall(clients=0)
    world.add_client("06:ff:00:00:00:01", (21.0, 2.0, 1.0))
    assert world.clients_of(key_of(1)) == ("06:ff:00:00:00:01",)


def test_a_wall_makes_another_ap_the_strongest() -> None:
    world = World(1, "US")
    world.add_wall((5, -10), (5, 10), 30)
    for number, x in enumerate((0.0, 20.0)):
        world.add_radio(Radio(key=key_of(number), band=Band.GHZ_5), five(36), position=(x, 0.0, 3.0))
    world.add_client("06:ff:00:00:00:01", (8.0, 0.0, 1.0))
    assert world.clients_of(key_of(1)) == ("06:ff:00:00:00:01",)


def test_path_loss_of_the_first_metre_is_that_of_free_space() -> None:
    assert Propagation().loss_db((0, 0, 0), (1, 0, 0), 2440) == pytest.approx(40.2, abs=0.1)
    assert Propagation(exponent=3).loss_db((0, 0, 0), (10, 0, 0), 2440) == pytest.approx(70.2, abs=0.1)


def test_a_wall_is_only_in_the_way_when_it_is_crossed() -> None:
    wall = Wall((5, -1), (5, 1), 10)
    assert wall.between((0, 0, 0), (10, 0, 0))
    assert not wall.between((0, 2, 0), (10, 2, 0))
    assert not wall.between((0, 0, 0), (4, 0, 0))


def test_loud_neighbours_are_heard() -> None:
    world = mall()
    heard = reading(world, A, ALL).neighbors
    assert heard is not None
    assert [each.channel for each in heard] == [40, 44, 48]
    assert [each.signal_dbm for each in heard] == sorted((each.signal_dbm for each in heard), reverse=True)
    assert heard[0].signal_dbm > -75


def test_a_scan_makes_other_channels_known() -> None:
    world = mall()
    world.add_foreign("0a:00:00:00:00:01", five(149), (3.0, 3.0, 1.0), busy_ratio=0.5)
    world.advance(60)
    scanned = {each.frequency_mhz: each for each in reading(world, A, ALL).survey or ()}
    assert len(scanned) > 20
    assert scanned[5745].busy_ms == 50
    assert scanned[5765].busy_ms == 0


# noise


def test_the_unrest_has_the_correlation_and_the_spread_that_it_should() -> None:
    noise = LogNoise(Random(11))
    values = []
    for _ in range(40_000):
        noise.step()
        values.append(noise.value)
    assert statistics.fmean(values) == pytest.approx(0, abs=0.01)
    assert statistics.pstdev(values) == pytest.approx(0.35, abs=0.01)
    assert statistics.correlation(values[:-1], values[1:]) == pytest.approx(0.6, abs=0.02)
    assert statistics.correlation(values[:-3], values[3:]) == pytest.approx(0.6**3, abs=0.03)


def test_a_lonely_radio_shows_that_unrest_in_its_counters() -> None:
    world = mall(1, clients=6)
    logs = [math.log(retry_ratio(world, 60)) for _ in range(4000)]
    assert statistics.pstdev(logs) == pytest.approx(0.35, abs=0.03)
    assert statistics.correlation(logs[:-1], logs[1:]) == pytest.approx(0.6, abs=0.05)


def test_radios_have_unrest_of_their_own() -> None:
    world = mall(2)
    before = {key: counters(world, key) for key in (A, key_of(1))}
    ratios: dict[RadioKey, list[float]] = {A: [], key_of(1): []}
    for minute in range(1, 600):
        world.advance(60.0 * minute)
        for key, series in ratios.items():
            now = counters(world, key)
            series.append(((now.tx_retries or 0) - (before[key].tx_retries or 0)) / frames(before[key], now))
            before[key] = now
    assert abs(statistics.correlation(*ratios.values())) < 0.15


def test_the_day_swings_by_five() -> None:
    assert daily_ratio(15) / daily_ratio(3) == pytest.approx(5)
    world = mall(1, clients=6)
    sent = []
    for hour in range(25):
        world.advance(3600.0 * hour)
        sent.append(counters(world).tx_frames or 0)
    hourly = [after - before for before, after in pairwise(sent)]
    assert max(hourly) / min(hourly) == pytest.approx(5, rel=0.1)


# harm


def test_spoil_triples_the_retries_on_that_channel_only() -> None:
    plain, spoilt = mall(), mall()
    spoilt.spoil(A, five(149), 3.0)
    assert retry_ratio(plain, 300) == retry_ratio(spoilt, 300)
    for world in (plain, spoilt):
        world.configure(A, {Setting.CHANNEL: 149})
        world.advance(world.now_s + 1)
    assert retry_ratio(spoilt, 300) == pytest.approx(3 * retry_ratio(plain, 300), rel=0.05)


def test_a_neighbour_on_the_same_channel_costs_air_and_retries() -> None:
    apart, together = mall(2), mall(2, channel=36)
    assert retry_ratio(together, 1200) > retry_ratio(apart, 1200)
    assert survey(apart).rx_ms == 0
    assert (survey(together).rx_ms or 0) > 10_000


def test_more_demand_than_air_is_not_served() -> None:
    world = mall(1, clients=0)
    world.add_client("06:ff:00:00:00:01", (1.0, 0.0, 1.0), 10_000)
    world.advance(600)
    found = survey(world)
    assert found.active_ms == 600_000
    assert 0.9 < (found.tx_ms or 0) / 600_000 <= 1


def test_an_interferer_keeps_the_air_busy_and_nobody_decodes_it() -> None:
    world = mall(1)
    world.add_interferer("camera", 5170, 5190, (5.0, 0.0, 2.0), duty_ratio=0.75)
    world.advance(600)
    found = survey(world)
    assert (found.busy_ms or 0) - (found.rx_ms or 0) - (found.tx_ms or 0) == pytest.approx(450_000, rel=0.01)
    assert (found.noise_dbm or -95) > -70
    world.configure(A, {Setting.CHANNEL: 44})
    world.advance(610)
    before = survey(world).busy_ms or 0
    world.advance(670)
    assert (survey(world).busy_ms or 0) - before < 6_000


# channel switches


def test_a_csa_keeps_the_clients() -> None:
    world = mall()
    before, signals = world.clients_of(A), recorded(world)
    assert before
    world.configure(A, {Setting.CHANNEL: 149})
    world.advance(0.3)
    assert world.block_of(A) == five(36)
    world.advance(0.5)
    assert world.block_of(A) == five(149)
    assert world.clients_of(A) == before
    assert [type(each) for each in signals] == [ChannelSwitched]


def test_the_first_of_two_quick_switches_is_void() -> None:
    world = mall()
    world.configure(A, {Setting.CHANNEL: 149})
    world.advance(0.2)
    world.configure(A, {Setting.CHANNEL: 153})
    world.advance(0.45)
    assert world.block_of(A) == five(36)
    world.advance(1)
    assert world.block_of(A) == five(153)


def test_a_switch_under_way_can_be_called_off() -> None:
    world = mall()
    signals = recorded(world)
    world.configure(A, {Setting.CHANNEL: 149})
    world.advance(0.2)
    world.configure(A, {Setting.CHANNEL: 36})
    world.advance(5)
    assert world.block_of(A) == five(36)
    assert signals == []


def test_off_and_on_again() -> None:
    world = mall(1)
    people = world.clients_of(A)
    world.configure(A, {Setting.ENABLED: 0})
    assert world.state_of(A) is RadioState.OFF
    assert world.clients_of(A) == ()
    before = counters(world)
    world.advance(60)
    assert counters(world) == before
    world.configure(A, {Setting.ENABLED: 1})
    world.advance(70)
    assert sorted(world.clients_of(A)) == sorted(people)


def test_less_power_is_heard_less() -> None:
    world = mall()
    loud = (reading(world, key_of(1), ALL).neighbors or ())[0].signal_dbm
    world.configure(A, {Setting.TX_POWER_DBM: 7})
    world.advance(10)
    quiet = [each for each in reading(world, key_of(1), ALL).neighbors or () if each.channel == 36]
    assert quiet[0].signal_dbm == pytest.approx(loud - 10)


@pytest.mark.parametrize(
    "values",
    [
        {Setting.CHANNEL: 177},  # no rule covers it in DE
        {Setting.CHANNEL: 1},
        {Setting.WIDTH_MHZ: 320},
        {Setting.TX_POWER_DBM: 40},
        {Setting.OBSS_PD_DBM: -50},
        {Setting.ENABLED: 2},
        {Setting.TX_POWER_DBM: 10, Setting.CHANNEL: 1},
    ],
)
def test_what_is_not_possible_changes_nothing(values: Mapping[Setting, int]) -> None:
    world = mall(country="DE")
    before = world.in_force(A), dict(world.radio(A).configured)
    with pytest.raises(NotPossible):
        world.configure(A, values)
    world.advance(1)
    assert (world.in_force(A), dict(world.radio(A).configured)) == before


# radar


def test_moving_onto_a_dfs_channel_takes_a_silent_minute() -> None:
    world = mall(1)
    signals = recorded(world)
    people = world.clients_of(A)
    world.configure(A, {Setting.CHANNEL: 52})
    assert world.state_of(A) is RadioState.CAC
    before = counters(world)
    world.advance(59)
    assert world.state_of(A) is RadioState.CAC
    assert frames(before, counters(world)) == 0
    assert reading(world).cac_left_s == 1
    world.advance(70)
    assert world.state_of(A) is RadioState.ON_AIR
    assert sorted(world.clients_of(A)) == sorted(people)
    told = [
        (type(each).__name__, each.at_s) for each in signals if isinstance(each, CacStarted | CacFinished)
    ]
    assert told == [
        ("CacStarted", 0.0),
        ("CacFinished", 60.0),
    ]


def test_the_weather_radar_channels_take_ten_minutes_in_europe() -> None:
    world = mall(1, country="DE")
    world.configure(A, {Setting.CHANNEL: 120})
    world.advance(599)
    assert world.state_of(A) is RadioState.CAC
    world.advance(601)
    assert world.state_of(A) is RadioState.ON_AIR


@pytest.mark.parametrize(("country", "state"), [("US", RadioState.CAC), ("DE", RadioState.ON_AIR)])
def test_a_check_is_lost_by_leaving_where_the_rules_say_so(country: str, state: RadioState) -> None:
    world = mall(1, channel=52, country=country)
    world.configure(A, {Setting.CHANNEL: 36})
    world.advance(100)
    world.configure(A, {Setting.CHANNEL: 52})
    world.advance(101)
    assert world.state_of(A) is state


def test_radar_drives_the_ap_away_by_itself() -> None:
    world = mall(1, channel=52)
    people, signals = world.clients_of(A), recorded(world)
    world.radar(A)
    world.advance(0.39)
    assert world.block_of(A) == five(52)
    world.advance(0.41)
    there = world.block_of(A)
    assert 5260 not in there.mhz20
    assert not dfs_needed("US", there)
    assert world.clients_of(A) == people
    assert [type(each) for each in signals] == [RadarDetected, ChannelSwitched]
    assert reading(world).nop_mhz == frozenset({5260})


def test_radar_on_a_channel_hits_all_who_use_it_and_nobody_else() -> None:
    world = mall(2, channel=52)
    world.add_radio(Radio(key=key_of(9), band=Band.GHZ_5), five(100), position=(50.0, 0.0, 3.0))
    world.radar(5260)
    world.advance(1)
    assert {world.block_of(key_of(number)).primary for number in (0, 1)}.isdisjoint({52})
    assert world.block_of(key_of(9)) == five(100)


def test_radar_where_no_dfs_is_needed_is_not_heard() -> None:
    world = mall(1)
    signals = recorded(world)
    world.radar(A)
    assert signals == []


def test_the_device_keeps_a_non_occupancy_period_of_its_own() -> None:
    world = mall(1, channel=52)
    signals = recorded(world)
    world.radar(A)
    world.advance(1799)
    with pytest.raises(NotPossible, match="radar"):
        world.configure(A, {Setting.CHANNEL: 52})
    with pytest.raises(NotPossible, match="radar"):
        world.configure(A, {Setting.CHANNEL: 56, Setting.WIDTH_MHZ: 40})
    world.advance(1800)
    assert NopFinished(at_s=1800.0, device="", mhz20=frozenset({5260})) in signals
    world.configure(A, {Setting.CHANNEL: 52})


def test_with_nowhere_to_go_it_is_silent_until_the_period_ends() -> None:
    world = mall(1, channel=52, allowed_mhz=frozenset({5260, 5280}))
    world.radar(A)
    world.advance(5)
    assert world.state_of(A) is RadioState.NOP
    assert world.clients_of(A) == ()
    world.configure(A, {Setting.TX_POWER_DBM: 10})
    assert world.state_of(A) is RadioState.NOP
    world.advance(1801)
    assert world.state_of(A) is RadioState.CAC
    world.advance(1861)
    assert world.state_of(A) is RadioState.ON_AIR


def test_an_ap_that_finds_nowhere_to_go_can_be_sent_somewhere() -> None:
    world = mall(1, channel=52)
    world.radio(A).nowhere = True
    world.radar(A)
    assert world.state_of(A) is RadioState.NOP
    world.configure(A, {Setting.CHANNEL: 149})
    assert world.state_of(A) is RadioState.ON_AIR


def test_a_stubborn_ap_stays() -> None:
    world = mall(1, channel=52)
    world.set_stubborn(A)
    signals = recorded(world)
    world.radar(A)
    world.advance(20)
    assert world.block_of(A) == five(52)
    assert world.state_of(A) is RadioState.ON_AIR
    assert [type(each) for each in signals] == [RadarDetected]


def test_radar_during_the_check_ends_it() -> None:
    world = mall(1)
    world.configure(A, {Setting.CHANNEL: 52})
    signals = recorded(world)
    world.advance(10)
    world.radar(A)
    world.advance(11)
    assert world.state_of(A) is RadioState.ON_AIR
    assert not dfs_needed("US", world.block_of(A))
    assert [each.success for each in signals if isinstance(each, CacFinished)] == [False]


# undo, others, power cuts


def test_the_undo_timer_goes_back_unless_it_is_disarmed() -> None:
    world = mall(2)
    for number in (0, 1):
        prior = world.in_force(key_of(number))
        world.configure(key_of(number), {Setting.CHANNEL: 149})
        handle = world.arm_undo(key_of(number), prior, 60)
        assert number == 0 or world.disarm(handle)
    world.advance(61)
    assert world.block_of(A) == five(36)
    assert world.block_of(key_of(1)) == five(149)


def test_a_radio_has_one_undo_timer() -> None:
    world = mall(1)
    prior = world.in_force(A)
    world.configure(A, {Setting.CHANNEL: 149})
    lost = world.arm_undo(A, prior, 60)
    handle = world.arm_undo(A, prior, 60)
    assert not world.disarm(lost)
    assert world.disarm(handle)
    world.advance(120)
    assert world.block_of(A) == five(149)


def test_the_undo_timer_does_not_go_back_onto_radar() -> None:
    world = mall(1, channel=52)
    prior = world.in_force(A)
    world.configure(A, {Setting.CHANNEL: 149})
    world.arm_undo(A, prior, 60)
    world.radio(A).memory.hit({5260}, world.now_s)
    world.advance(120)
    assert world.block_of(A) == five(149)


def test_somebody_else_changes_it() -> None:
    world = mall()
    world.set_externally(A, {Setting.CHANNEL: 161})
    world.advance(1)
    assert world.in_force(A)[Setting.CHANNEL] == 161


def test_after_a_reboot_the_startup_settings_hold_and_counters_begin_anew() -> None:
    world = mall(1)
    people = world.clients_of(A)
    world.advance(600)
    world.configure(A, {Setting.CHANNEL: 149, Setting.TX_POWER_DBM: 9})
    handle = world.arm_undo(A, {Setting.CHANNEL: 157}, 100)
    world.advance(610)
    epoch = counters(world).epoch
    world.reboot("s/ap0")
    assert world.state_of(A) is RadioState.STARTING
    assert not world.disarm(handle)
    world.advance(720)
    assert world.block_of(A) == five(36)
    assert world.in_force(A)[Setting.TX_POWER_DBM] == 17
    assert sorted(world.clients_of(A)) == sorted(people)
    assert counters(world).epoch != epoch
    assert (counters(world).tx_frames or 0) < 100_000


def test_dropped_clients_come_back_within_seconds() -> None:
    world = mall(1)
    people, signals = world.clients_of(A), recorded(world)
    world.drop_clients(A)
    assert world.clients_of(A) == ()
    world.advance(5)
    assert sorted(world.clients_of(A)) == sorted(people)
    assert sorted(each.mac for each in signals if isinstance(each, ClientLeft)) == sorted(people)
    assert counters(world).disconnects == len(people)


# time


def test_time_does_not_go_back() -> None:
    world = mall(1)
    world.advance(10)
    with pytest.raises(ValueError, match="cannot go back"):
        world.advance(9)


def test_an_attached_world_knows_what_time_it_is() -> None:
    world, woken = mall(1, channel=52), []
    now = [0.0]
    world.attach(lambda: now[0], lambda: woken.append(True))
    now[0] = 500.0
    world.radar(A)
    assert world.now_s == 500.0
    assert world.next_s() == pytest.approx(500.4)
    assert woken

"""What is remembered of radios, and for how long: scans, client tables, non-occupancy periods."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rig import site_of

from agent.api.errors import NotFound
from agent.change import Cause, Change, State
from agent.memory import Memory
from agent.moment import DAY_US, WEEK_US, Deadline, Moment
from agent.nop import Nop
from agent.radio_memory import HEARD_MOST, RadioMemory
from drivers.signals import RadioFault
from drivers.simulated.identity import CAPABILITIES
from drivers.types import (
    Action,
    BssReading,
    ClientReading,
    NeighborReading,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Snapshot,
    Table,
)
from inventory.model import Band, RadioKey

NOW = Moment(monotonic_s=1000.0, utc_us=10**15, boot_id="boot-1", boottime_us=10**12)
HOUR_US = 3_600_000_000
AP1, AP2, AP3 = (RadioKey(f"lab/ap{n}/r5") for n in (1, 2, 3))


def bssid(key: RadioKey) -> str:
    return f"02:00:00:00:00:0{key.split('/')[1][-1]}"


def heard(key: RadioKey, signal_dbm: float = -60.0, age_s: float = 0.0) -> NeighborReading:
    return NeighborReading(bssid=bssid(key), channel=36, signal_dbm=signal_dbm, age_s=age_s)


def read(
    memory: Memory,
    key: RadioKey,
    at_s: float,
    neighbors: tuple[NeighborReading, ...] | None = None,
    clients: tuple[ClientReading, ...] | None = None,
) -> None:
    reading = RadioReading(
        key=key,
        at_s=at_s,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        bss=(BssReading(bssid=bssid(key)),),
        neighbors=neighbors,
        clients=clients,
    )
    memory.see(Snapshot(at_s=at_s, readings={key: reading}))


def lab(aps: int = 3) -> Memory:
    return Memory({"lab": site_of(aps)})


def hit(now: Moment, by: RadioKey = AP1) -> Nop:
    return Nop(site="lab", mhz20=5260, deadline=Deadline.after(now, 1800.0), by_radio=by)


@pytest.mark.parametrize("jump_us", [-HOUR_US, HOUR_US])
def test_a_wall_clock_that_jumps_never_shortens_a_non_occupancy_period(jump_us: int) -> None:
    memory, second = lab(), NOW.plus(1700)
    memory.bar([hit(NOW)])
    second = replace(second, utc_us=second.utc_us + jump_us)
    memory.bar([hit(second)])
    assert memory.barred("lab", second.plus(1799)) == {5260}
    assert memory.barred("lab", second.plus(1800)) == set()


def test_an_earlier_end_does_not_replace_a_later_one() -> None:
    memory = lab()
    memory.bar([hit(NOW.plus(600))])
    memory.bar([hit(NOW)])
    assert memory.barred("lab", NOW.plus(2399)) == {5260}


def test_each_radio_that_heard_the_radar_is_remembered() -> None:
    memory = lab()
    memory.bar([hit(NOW), hit(NOW.plus(60), by=AP2)])
    assert {nop.by_radio for nop in memory.nops.values()} == {AP1, AP2}
    assert memory.barred("lab", NOW.plus(1830)) == {5260}
    assert [nop.by_radio for nop in memory.nops.values()] == [AP2]


def test_a_radio_that_hears_nobody_has_no_neighbours() -> None:
    memory = lab()
    for key in (AP1, AP2, AP3):
        read(memory, key, 900.0, neighbors=())
    assert memory.view(memory.sites["lab"], NOW).neighbours(AP1) == set()


def test_a_pair_that_neither_side_measured_counts_as_near() -> None:
    memory = lab()
    read(memory, AP3, 900.0, neighbors=())
    for key in (AP1, AP2):
        read(memory, key, 900.0)
    seen = memory.view(memory.sites["lab"], NOW)
    assert seen.neighbours(AP1) == {AP2}
    assert seen.neighbours(AP3) == set()
    assert seen.neighbours_among([AP2, AP3, AP1]) == {AP1: {AP2}, AP2: {AP1}, AP3: set()}
    assert seen.neighbours_among([AP3, AP1]) == {AP1: set(), AP3: set()}


def test_a_scan_counts_for_a_day() -> None:
    memory = lab(2)
    for key in (AP1, AP2):
        read(memory, key, 900.0, neighbors=())
    day_s = memory.sites["lab"].policy.neighbour_age_s
    assert memory.view(memory.sites["lab"], NOW.plus(day_s - 100.0)).neighbours(AP1) == set()
    assert memory.view(memory.sites["lab"], NOW.plus(day_s)).neighbours(AP1) == {AP2}


@pytest.mark.parametrize(("signal_dbm", "near"), [(-82.0, True), (-83.0, False)])
def test_a_neighbour_is_who_is_heard_loud_enough_by_either(signal_dbm: float, near: bool) -> None:
    memory = lab(2)
    read(memory, AP1, 900.0, neighbors=())
    read(memory, AP2, 900.0, neighbors=(heard(AP1, signal_dbm),))
    seen = memory.view(memory.sites["lab"], NOW)
    assert (seen.neighbours(AP1) == {AP2}) is near
    assert (seen.neighbours(AP2) == {AP1}) is near


def test_a_view_tells_how_old_each_neighbour_is_and_keeps_telling_it() -> None:
    memory = lab(2)
    read(memory, AP1, 900.0, neighbors=(heard(AP2, age_s=5.0),))
    seen = memory.view(memory.sites["lab"], NOW)
    read(memory, AP1, 990.0, neighbors=(heard(AP2),))
    assert [each.age_s for each in seen.radios[AP1].neighbors] == [105.0]
    again = memory.view(memory.sites["lab"], NOW).radios[AP1].neighbors
    assert (len(again), again[0].age_s) == (1, 10.0)


def test_old_neighbours_are_forgotten_when_the_next_scan_comes_in() -> None:
    memory = lab()
    day_s = memory.sites["lab"].policy.neighbour_age_s
    read(memory, AP1, 0.0, neighbors=(heard(AP2),))
    read(memory, AP1, day_s - 1.0, neighbors=(heard(AP3),))
    assert set(memory.radios[AP1].neighbors) == {bssid(AP2), bssid(AP3)}
    read(memory, AP1, day_s + 1.0, neighbors=())
    assert set(memory.radios[AP1].neighbors) == {bssid(AP3)}


def test_a_look_at_the_status_does_not_make_the_client_table_younger() -> None:
    memory = lab()
    read(memory, AP1, 900.0, clients=(ClientReading(mac="06:00:00:00:00:01"),))
    read(memory, AP1, 950.0)
    known = memory.radios[AP1]
    assert known.reading is not None
    assert (known.reading.at_s, known.clients_at_s) == (950.0, 900.0)
    assert known.macs == {"06:00:00:00:00:01"}
    memory.lose("lab", known.device)
    assert memory.radios[AP1].reading is None
    assert not known.macs


def test_a_site_knows_the_radios_of_all_its_aps_also_after_replace() -> None:
    site = site_of(2)
    assert list(site.radios) == [AP1, AP2]
    assert site.radios is site.radios
    fewer = replace(site, aps={"ap2": site.aps["ap2"]})
    assert list(fewer.radios) == [AP2]


def test_what_a_lost_radio_sent_is_still_known_as_its_own() -> None:
    """Its neighbours can tell whether they still hear it only while its BSSIDs are known."""
    memory = lab()
    read(memory, AP1, 100.0)
    memory.lose("lab", "ap1")
    view = memory.view(memory.sites["lab"], NOW)
    assert view.radios[AP1].reading is None
    assert view.bssids[bssid(AP1)] == AP1


def test_the_names_of_a_site_are_those_that_its_radios_last_told_of() -> None:
    memory = lab()
    named = RadioReading(
        key=AP1,
        at_s=1000.0,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        bss=(BssReading(bssid=bssid(AP1), ssid="staff"), BssReading(bssid="02:00:00:00:01:01", ssid="")),
    )
    memory.see(Snapshot(at_s=1000.0, readings={AP1: named}))
    assert memory.view(memory.sites["lab"], NOW).ssids == {"staff"}
    memory.lose("lab", "ap1")
    assert memory.view(memory.sites["lab"], NOW).ssids == {"staff"}
    guests = replace(named, bss=(BssReading(bssid=bssid(AP1), ssid="guests"),))
    memory.see(Snapshot(at_s=1010.0, readings={AP1: guests}))
    assert memory.view(memory.sites["lab"], NOW).ssids == {"guests"}


def test_made_up_addresses_do_not_fill_the_memory() -> None:
    radio = RadioMemory(device="ap1")
    for scan in range(4):
        made_up = [
            replace(heard(AP3, -70.0), bssid=f"0a:00:00:{scan:02x}:{n // 256:02x}:{n % 256:02x}")
            for n in range(1500)
        ]
        radio.see(
            RadioReading(
                key=AP1,
                at_s=300.0 * scan,
                state=RadioState.ON_AIR,
                band=Band.GHZ_5,
                neighbors=(heard(AP2), *made_up),
            )
        )
    assert len(radio.neighbors) == HEARD_MOST
    assert bssid(AP2) in radio.neighbors


def test_a_word_that_is_old_when_it_comes_is_forgotten_at_once() -> None:
    memory = lab()
    memory.told(RadioFault(at_s=NOW.monotonic_s - 1e5, device="ap1", radio=AP1, what="late"), NOW.monotonic_s)
    assert not memory.radios[AP1].signals


def test_a_deed_of_a_clock_that_was_years_ahead_forbids_nothing() -> None:
    memory, done = lab(), (AP1, Action.RESTART)
    site = memory.sites["lab"]
    memory.deeds[done] = NOW.utc_us + HOUR_US
    assert memory.view(site, NOW).deeds == {done: 0.0}
    memory.deeds[done] = NOW.utc_us + 10_000 * HOUR_US
    assert not memory.view(site, NOW).deeds


def on(key: RadioKey, channel: int, at_s: float) -> Snapshot:
    told = Reported(channel, "test")
    reading = RadioReading(key=key, at_s=at_s, state=RadioState.ON_AIR, band=Band.GHZ_5, channel=told)
    return Snapshot(at_s=at_s, readings={key: reading})


def test_a_view_stays_as_it_was_and_the_next_one_knows_better() -> None:
    memory = lab()
    site = memory.sites["lab"]
    memory.see(on(AP1, 36, 1.0))
    before = memory.view(site, NOW)
    memory.see(on(AP1, 44, 2.0))
    after = memory.view(site, NOW)
    memory.lose("lab", "ap1")
    assert (before.channels[AP1], after.channels[AP1]) == (36, 44)
    assert AP1 not in memory.view(site, NOW).channels
    readings = [view.radios[AP1].reading for view in (before, after, memory.view(site, NOW))]
    assert [each and each.at_s for each in readings] == [1.0, 2.0, None]


def change(id: str, created_utc_us: int, state: State = State.COMMITTED) -> Change:
    return Change(
        id=id,
        site="lab",
        device="ap1",
        scope=ScopeRef(kind="radio", name=AP1, members=(AP1,)),
        target={},
        prior={},
        cause=Cause.SPECTRUM_SAT,
        state=state,
        deadline=Deadline.after(NOW, 60.0),
        created_utc_us=created_utc_us,
    )


def test_radar_is_heard_for_a_minute_by_who_is_on_air_there() -> None:
    memory, here = lab(), there(52)
    assert not memory.hears_radar("lab", [here], NOW)
    memory.bar([Nop(site="lab", mhz20=5260, deadline=Deadline.after(NOW, 1800.0), by_radio=AP2)])
    assert memory.hears_radar("lab", [here], NOW.plus(59.0)), "also what another one heard: it may have to go"
    assert not memory.hears_radar("lab", [here], NOW.plus(61.0)), "a controller is not held up for the NOP"
    assert not memory.hears_radar("lab2", [here], NOW)
    assert not memory.hears_radar("lab", [there(100), replace(here, state=RadioState.OFF)], NOW)


def there(channel: int) -> RadioReading:
    return RadioReading(
        key=AP1,
        at_s=1.0,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        channel=Reported(channel, "x"),
        width_mhz=Reported(20, "x"),
    )


def test_a_devices_own_undo_runs_until_its_time_is_over_or_its_change_is() -> None:
    memory, until = lab(), Deadline.after(NOW, 60.0)
    armed = replace(change("c", NOW.utc_us, State.APPLYING), undo_until=until)
    for known, there in (
        (armed, True),
        (replace(armed, state=State.ROLLED_BACK), False),
        (replace(armed, undo_until=None), False),
        (replace(armed, device="ap2"), False),
        (replace(armed, site="lab2"), False),
    ):
        memory.remember(known)
        assert memory.undo_runs("lab", "ap1", NOW) is there
    memory.remember(armed)
    assert memory.undo_runs("lab", "ap1", NOW.plus(59.0))
    assert not memory.undo_runs("lab", "ap1", NOW.plus(61.0))


def test_changes_are_listed_newest_first_and_forgotten_after_a_week() -> None:
    memory = lab()
    old, new = change("old", NOW.utc_us - WEEK_US + HOUR_US), change("new", NOW.utc_us)
    memory.remember(old)
    assert memory.changes_of("lab", NOW) == (old,)
    memory.remember(new)
    assert memory.changes_of("lab", NOW) == (new, old)
    later = NOW.plus(2 * 3600.0)
    assert memory.changes_of("lab", later) == (new,)
    assert memory.changes.keys() == {"new"}


def test_a_wall_clock_that_is_set_forward_makes_nothing_old_for_a_day() -> None:
    memory = lab()
    memory.remember(change("old", NOW.utc_us))
    memory.changes_of("lab", NOW)
    ahead = replace(NOW, utc_us=NOW.utc_us + 8 * DAY_US)
    memory.remember(change("new", ahead.utc_us))
    for hours in range(24):
        assert len(memory.changes_of("lab", ahead.plus(hours * 3600.0))) == 2
    assert len(memory.changes_of("lab", ahead.plus(86_400.0))) == 1, "and then it is believed"


def test_of_a_change_that_is_over_the_candidates_are_left_to_the_store() -> None:
    memory, told = (
        lab(),
        {"code": "leave_interference", "params": {"to": "44/20"}, "candidates": [{"channel": 44}]},
    )
    opened = replace(change("one", NOW.utc_us, State.MONITORING), reason=told)
    assert memory.remember(opened).reason == told
    assert memory.changes["one"].reason == told
    memory.remember(replace(opened, state=State.COMMITTED))
    assert memory.changes["one"].reason == {"code": "leave_interference", "params": {"to": "44/20"}}


def test_a_change_that_is_open_or_whose_event_lasts_is_not_forgotten() -> None:
    memory = lab()
    memory.remember(change("open", 0, State.MONITORING))
    memory.remember(replace(change("lasting", 1), event_id="event"))
    memory.lasting.add("event")
    assert [each.id for each in memory.changes_of("lab", NOW)] == ["lasting", "open"]


def test_a_table_that_the_device_has_not_renewed_is_no_scan() -> None:
    radio = RadioMemory(device="ap1")
    radio.capabilities = replace(CAPABILITIES, refresh_s={Table.NEIGHBORS: 600.0})
    for at_s in (0.0, 300.0, 600.0):
        radio.see(
            RadioReading(
                key=AP1, at_s=at_s, state=RadioState.ON_AIR, band=Band.GHZ_5, neighbors=(heard(AP2),)
            )
        )
    assert [round(entry.scans, 1) for _, entry in radio.level_pool] == [2.0]


def test_who_names_a_site_that_is_not_served_is_told_those_that_are() -> None:
    site = site_of(1)
    memory = Memory({site.id: site})
    assert memory.site("lab") is site
    with pytest.raises(NotFound, match=r"^no site north; there are lab$"):
        memory.site("north")

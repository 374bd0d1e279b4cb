"""OpenConfig: what is read out of an answer, and what an edit sends. The recording is synthetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from drivers.errors import Unsupported
from drivers.netconf.openconfig import find, parse, plan, reading
from drivers.netconf.openconfig.parse import Ap, ApRadio
from drivers.netconf.parse_hello import offers
from drivers.netconf.parse_reply import data, reply
from drivers.types import Edit, Outage, RadioReading, Readback, ScopeRef, Setting, Table
from inventory.model import AccessPoint, Band, Radio, radio_key

CANDIDATE = offers(("urn:ietf:params:netconf:capability:candidate:1.0",))

RECORDINGS = Path(__file__).parents[3] / "contract" / "recordings" / "netconf"
TEXT = (RECORDINGS / "openconfig.ap.xml").read_text()
R5 = radio_key("north", "ap1", "r5")
R2 = radio_key("north", "ap1", "r2")
SCOPE = ScopeRef(kind="radio", name="1", members=(R5,))
ALL = frozenset(Table)


def there(text: str = TEXT) -> Ap:
    (found,) = parse.access_points(data(reply(text)))
    return found


def radio(number: int, text: str = TEXT) -> ApRadio:
    return next(each for each in there(text).radios if each.id == number)


def read(number: int = 1, text: str = TEXT, *, owns: bool = True) -> RadioReading:
    band = Band.GHZ_5 if number else Band.GHZ_2_4
    return reading.reading(R5, band, there(text), radio(number, text), ALL, 1.0, owns=owns)


def test_a_radio_is_read_from_state_and_not_from_config() -> None:
    said = read(0)
    assert said.channel is not None
    assert (said.channel.value, said.channel.source) == (11, "openconfig radio/state/channel")
    assert reading.config(SCOPE, radio(0)).configured[Setting.CHANNEL] == 6
    assert reading.config(SCOPE, radio(0)).in_force[Setting.CHANNEL] == 11


def test_all_that_a_radio_tells() -> None:
    said = read()
    assert said.channel is not None
    assert said.width_mhz is not None
    assert said.tx_power_dbm is not None
    assert (said.channel.value, said.width_mhz.value, said.tx_power_dbm.value) == (36, 40, 17.0)
    assert said.gauges is not None
    assert (said.gauges.busy_ratio, said.gauges.rx_ratio, said.gauges.tx_ratio) == (0.37, 0.21, 0.12)
    assert (said.gauges.non_wifi_ratio, said.gauges.noise_dbm) == (0.04, -97)
    assert said.counters is not None
    assert (said.counters.tx_frames, said.counters.tx_retries, said.counters.tx_bytes) == (
        24000,
        1600,
        9100000,
    )
    assert said.counters.tx_failed is None
    assert said.allowed_mhz == frozenset({5180, 5200, 5745})
    assert said.client_count == 2
    assert said.clients is not None
    assert [(each.mac, each.signal_dbm, each.connected_s) for each in said.clients] == [
        ("02:00:00:00:0c:01", -58, 1200.0),
        ("02:00:00:00:0c:02", -70, None),
    ]
    assert said.neighbors is not None
    assert [(each.bssid, each.channel, each.age_s) for each in said.neighbors] == [
        ("02:00:00:00:aa:01", 44, 600.0),
        ("02:00:00:00:aa:02", 149, 0.0),
    ]
    assert said.managed_by is None


def test_a_counter_that_one_bss_does_not_tell_is_not_reported() -> None:
    said = read(text=TEXT.replace("<tx-retries>100</tx-retries>", ""))
    assert said.counters is not None
    assert (said.counters.tx_frames, said.counters.tx_retries) == (24000, None)


def test_counters_start_again_when_a_bss_comes_or_goes() -> None:
    before, after = (
        read().counters,
        read(text=TEXT.replace("02:00:00:00:01:11", "02:00:00:00:01:12")).counters,
    )
    assert before is not None
    assert after is not None
    assert before.epoch != after.epoch


def test_the_old_leaf_of_the_width_is_understood() -> None:
    said = read(0)
    assert said.width_mhz is not None
    assert (said.width_mhz.value, said.width_mhz.source) == (20, "openconfig radio/state/channel-width")


@pytest.mark.parametrize(
    ("old", "new", "owner"),
    [
        ("<dca>false</dca>", "<dca>true</dca>", "openconfig dca"),
        ("<dtp>false</dtp>", "<dtp>true</dtp>", "openconfig dtp"),
        ("<dca>false</dca>", "", "openconfig dca"),  # the model's default is true
    ],
)
def test_a_radio_that_chooses_by_itself_has_an_owner(old: str, new: str, owner: str) -> None:
    assert read(text=TEXT.replace(old, new)).managed_by == owner
    assert read(text=TEXT.replace(old, new), owns=False).managed_by is None


def test_a_device_without_state_tells_nothing_of_what_is_in_force() -> None:
    ap = there()
    bare = replace(radio(1), state=None, told=None)
    said = reading.reading(R5, Band.GHZ_5, ap, bare, ALL, 1.0, owns=True)
    assert (said.channel, said.width_mhz, said.gauges, said.neighbors) == (None, None, None, None)
    assert reading.config(SCOPE, bare).in_force == {}
    assert plan.as_configured(bare) == plan.SETTINGS


HIT = TEXT.replace("<dfs-hit-time>0</dfs-hit-time>", "<dfs-hit-time>1764180000000000000</dfs-hit-time>")
MOVED = TEXT.replace(
    "<dfs-hit-time>0</dfs-hit-time>",
    "<channel-change-reason xmlns:t='u'>t:DFS</channel-change-reason>",
)


@pytest.mark.parametrize("after", [HIT, MOVED])
def test_radar_is_a_newer_hit_or_a_change_because_of_it(after: str) -> None:
    """On all that the radio occupied before: 36/40 is 5180 and 5200 MHz."""
    assert reading.radar_mhz(radio(1), radio(1, after)) == frozenset({5180, 5200})


@pytest.mark.parametrize("text", [TEXT, HIT, MOVED])
def test_radar_that_was_told_already_is_no_news(text: str) -> None:
    assert reading.radar_mhz(radio(1, text), radio(1, text)) is None
    assert reading.radar_mhz(None, radio(1, text)) is None


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ({}, True),
        ({"mac": "02:00:00:00:00:01"}, True),
        ({"name": "ap1.example.net"}, True),
        ({"name": "x"}, False),
    ],
)
def test_an_ap_is_found_by_what_the_inventory_matches_or_because_it_is_the_only_one(
    match: dict[str, str], found: bool
) -> None:
    radios = (Radio(key=R5, band=Band.GHZ_5), Radio(key=R2, band=Band.GHZ_2_4, ifname="0"))
    ap = AccessPoint(id="ap1", device="d", match=MappingProxyType(match), radios=radios)
    places = find.places([ap], radios, [there()])
    assert {key: place.id for key, place in places.items()} == ({R5: 1, R2: 0} if found else {})


def edit(**values: int) -> Edit:
    return Edit(change_id="c", scope=SCOPE, set={Setting(name): v for name, v in values.items()}, expect={})


def planned(wanted: Edit, number: int = 1, *, take_over: bool = False) -> str | None:
    have = reading.config(SCOPE, radio(number))
    return plan.config("ap1", radio(number), wanted, have, take_over=take_over)


def test_only_what_changes_is_sent_with_the_modules_own_prefix() -> None:
    sent = planned(edit(channel=149, width_mhz=40, tx_power_dbm=17))
    assert sent is not None
    assert "<config><channel>149</channel></config>" in sent
    assert ">oc-wifi-types:FREQ_5GHZ</operating-frequency>" in sent
    assert "dca" not in sent


def test_taking_over_switches_the_devices_own_control_off() -> None:
    sent = planned(edit(channel=149, tx_power_dbm=11), take_over=True)
    assert sent is not None
    assert "<dca>false</dca><dtp>false</dtp></config>" in sent


def test_a_device_that_has_only_the_old_width_gets_the_old_width() -> None:
    sent = planned(edit(channel=1, width_mhz=40), number=0)
    assert sent is not None
    assert "<channel-width>40</channel-width>" in sent


@pytest.mark.parametrize(
    "values",
    [{"obss_pd_dbm": -72}, {"channel": 37}, {"width_mhz": 320}, {"enabled": 2}, {"center_mhz": 5190}],
)
def test_what_the_model_has_not_is_unsupported(values: dict[str, int]) -> None:
    with pytest.raises(Unsupported):
        planned(edit(**values))


@pytest.mark.parametrize(
    ("values", "outage", "silent_s"),
    [
        ({"tx_power_dbm": 11}, Outage.NONE, 0.0),
        ({"channel": 149}, Outage.CLIENTS_DROP, 30.0),
        ({"channel": 52}, Outage.CAC, 90.0),
        ({"channel": 124, "width_mhz": 20}, Outage.CAC, 630.0),
        ({"enabled": 0}, Outage.CLIENTS_DROP, 30.0),
        ({"channel": 36}, Outage.NONE, 0.0),
    ],
)
def test_what_an_edit_costs(values: dict[str, int], outage: Outage, silent_s: float) -> None:
    have = reading.config(SCOPE, radio(1))
    told = plan.effects("ap1", radio(1), edit(**values), have, take_over=False, offers=CANDIDATE)
    assert (told.outage, told.silent_s, told.readback) == (outage, silent_s, Readback.IN_FORCE)

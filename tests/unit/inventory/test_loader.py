# ruff: noqa: E501 - one bad input a line, with the message that it gets
from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from inventory.loader import DriverSchemas, SiteErrors, load, load_sites
from inventory.model import (
    Band,
    DetectPolicy,
    Mode,
    MonitorPolicy,
    Placement,
    PlanPolicy,
    Policy,
    Radio,
    Site,
)
from inventory.schema import DetectWords, MonitorWords, PlanWords, PolicyWords, RadioWords
from inventory.site_words import read_site

SITES = Path(__file__).parents[3] / "inventory" / "sites"


class SnmpOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")
    profile: str
    port: int = 161


def snmp(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return SnmpOptions.model_validate(options).model_dump()


def picky(options: Mapping[str, Any]) -> Mapping[str, Any]:
    if options:
        raise ValueError("hostapd has no options")
    return options


def clumsy(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"port": options["p"]}


SCHEMAS: DriverSchemas = {"snmp": snmp, "hostapd": picky, "simulated": dict, "clumsy": clumsy}

GOOD = """\
version: 1
site: {id: north, country: NO, timezone: Europe/Oslo}
policy: {mode: advise, monitor_s: 300, quiet_hours: ["02:00-05:00", "22:00-01:00"]}
devices:
  wlc1: {driver: snmp, profile: airespace, address: "10.0.0.2:161", credential: "cred:wlc1"}
groups:
  hall: {radios: {r5: {band: "5", channels: [36, 52], widths_mhz: [20, 40], power_dbm: [8, 17]}}}
aps:
  ap1: {device: wlc1, match: {mac: 00:11:22:33:44:AA}, group: hall, position_m: [0, 4, 3.5]}
  ap2: {driver: hostapd, address: 10.0.0.9, credential: "cred:ap2", group: hall, radios: {r5: {channels: [100], power_dbm: null}}}
"""


def read(text: str) -> Site:
    return read_site(text.encode(), "north.yaml", SCHEMAS)


def errors(text: str) -> list[str]:
    with pytest.raises(SiteErrors) as caught:
        read(text)
    return [str(each) for each in caught.value.errors]


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def radio(words: str) -> str:
    """A site in Germany with one radio."""
    return f"""\
version: 1
site: {{id: s, country: DE, timezone: Europe/Berlin}}
devices: {{d: {{driver: simulated, address: x}}}}
aps: {{a: {{device: d, radios: {{r: {{{words}}}}}}}}}
"""


def test_a_good_site() -> None:
    site = read(GOOD)
    assert (site.id, site.country, site.timezone) == ("north", "NO", "Europe/Oslo")
    assert site.policy.mode is Mode.ADVISE
    assert site.policy.monitor == MonitorPolicy(slot_s=60.0)
    assert site.policy.quiet_hours == ((120, 300), (1320, 60))
    assert site.devices["wlc1"].options == {"profile": "airespace", "port": 161}
    assert site.devices["ap2"].credential == "cred:ap2"
    assert (site.aps["ap1"].device, site.aps["ap2"].device) == ("wlc1", "ap2")
    assert site.aps["ap1"].match == {"mac": "00:11:22:33:44:aa"}
    assert site.aps["ap1"].position_m == (0.0, 4.0, 3.5)
    assert site.aps["ap1"].zone is None


def test_a_zone_is_of_the_ap_or_its_group() -> None:
    site = read(
        GOOD.replace("hall: {radios", "hall: {zone: east, radios").replace("ap2: {", "ap2: {zone: west, ")
    )
    assert {ap.id: ap.zone for ap in site.aps.values()} == {"ap1": "east", "ap2": "west"}


def test_the_hours_of_planning() -> None:
    plan = read(
        changed("mode: advise", 'plan: {hours: ["sun 02:00-04:00"], most_moves_ratio: 0.5, power: false}')
    ).policy.plan
    assert [each.text for each in plan.hours] == ["sun 02:00-04:00"]
    assert (plan.most_moves_ratio, plan.power, plan.obss_pd) == (0.5, False, True)


def test_groups_merge_deep_and_null_unsets() -> None:
    first, second = read(GOOD).radios.values()
    assert first == Radio(
        key=first.key, band=Band.GHZ_5, channels=(36, 52), widths_mhz=(20, 40), power_dbm=(8, 17)
    )
    assert first.key == "north/ap1/r5"
    assert second == Radio(key=second.key, band=Band.GHZ_5, channels=(100,), widths_mhz=(20, 40))


def test_every_radio_word() -> None:
    site = read(
        radio(
            "band: 6, channels: [5, 37], widths_mhz: [20, 80], power_dbm: [-1, 20], antenna_gain_dbi: 2.5, "
            "placement: indoor, class_6ghz: lpi, pinned: true, dfs: false, ifname: wlan0"
        )
    )
    (found,) = site.radios.values()
    assert found.antenna_gain_dbi == 2.5
    assert (found.pinned, found.dfs, found.ifname) == (True, False, "wlan0")
    assert found.placement is Placement.INDOOR
    assert set(RadioWords.model_fields) == {f.name for f in dataclasses.fields(Radio)} - {"key"}


@pytest.mark.parametrize("name", ["lab", "hotel"])
def test_the_example_sites_load(name: str) -> None:
    schemas: DriverSchemas = {"hostapd": dict, "simulated": dict}
    assert load(SITES / f"{name}.yaml", schemas).id == name
    assert sorted(load_sites(SITES, schemas)) == ["demo", "hotel", "lab"]


def test_the_whole_policy_can_be_set() -> None:
    assert set(PolicyWords.model_fields) == {f.name for f in dataclasses.fields(Policy)} | {"monitor_s"}
    assert set(MonitorWords.model_fields) == {f.name for f in dataclasses.fields(MonitorPolicy)}
    assert set(DetectWords.model_fields) == {f.name for f in dataclasses.fields(DetectPolicy)}
    assert set(PlanWords.model_fields) == {f.name for f in dataclasses.fields(PlanPolicy)}


def test_every_default_of_the_policy_is_within_its_range() -> None:
    def text(value: object) -> Any:
        if isinstance(value, tuple):
            return [text(each) for each in value]
        return str(value)

    monitor = {f.name: text(getattr(MonitorPolicy(), f.name)) for f in dataclasses.fields(MonitorPolicy)}
    policy = {f.name: text(getattr(Policy(), f.name)) for f in dataclasses.fields(Policy)}
    detect = {f.name: text(getattr(DetectPolicy(), f.name)) for f in dataclasses.fields(DetectPolicy)}
    plan = {f.name: text(getattr(PlanPolicy(), f.name)) for f in dataclasses.fields(PlanPolicy)}
    policy |= {
        "monitor": monitor,
        "detect": detect,
        "plan": {name: each.lower() if each in ("True", "False") else each for name, each in plan.items()},
        "safe_channels": {"5": "36"},
        "mode": "act",
        "quiet_hours": ["00:00-24:00"],
    }
    site = read(GOOD.replace(GOOD.splitlines()[2], yaml.safe_dump({"policy": policy}).rstrip()))
    assert site.policy.monitor == MonitorPolicy()
    assert site.policy.detect == DetectPolicy()
    assert site.policy.plan == PlanPolicy()
    assert (
        dataclasses.replace(
            site.policy, mode=Mode.OBSERVE, quiet_hours=(), safe_channels=Policy().safe_channels
        )
        == Policy()
    )
    assert site.policy.quiet_hours == ((0, 1440),)
    assert site.policy.safe_channels == {Band.GHZ_5: 36}


def test_the_2_4_ghz_plan_is_one_that_the_country_allows() -> None:
    plan = "mode: advise, channels_2_4: [1, 5, 9, 13]"
    assert read(changed("mode: advise", plan)).policy.channels_2_4 == (1, 5, 9, 13)
    american = changed("mode: advise", plan).replace("country: NO", "country: US")
    expected = "policy.channels_2_4: expected channels that are legal in US, got [1, 5, 9, 13] (13 is not)"
    assert any(expected in each for each in errors(american))


def test_monitor_s_is_shared_among_the_slots() -> None:
    site = read(changed("monitor_s: 300", "monitor_s: 400, monitor: {slots: 4}"))
    assert site.policy.monitor.slot_s == 100.0


def test_the_message_says_file_line_path_expected_and_got() -> None:
    assert errors(changed("channels: [100]", "channels: [13]")) == [
        "north.yaml:10: aps.ap2.radios.r5.channels[0]: expected a 5 GHz channel legal in NO, got 13"
    ]


BAD = {
    "a list": (GOOD, "- 1", "1: expected a mapping, got a list"),
    "nothing": (GOOD, "", "1: expected a mapping, got nothing"),
    "no version": ("version: 1\n", "", "1: version: expected the key version, got nothing"),
    "another version": ("version: 1", "version: 2", "1: version: expected 1, the only version, got 2"),
    "unknown key": ("policy:", "polcy:", "3: polcy: expected a known key (did you mean policy?), got an unknown key"),
    "unknown radio key": ("widths_mhz", "width_mhz", "7: groups.hall.radios.r5.width_mhz: expected a known key (did you mean widths_mhz?)"),
    "unlike any key": ("mode: advise", "zzz: 1", "3: policy.zzz: expected one of mode, monitor_s, monitor,"),
    "country unknown": ("country: NO", "country: XX", "2: site.country: expected a country with regulatory rules"),
    "country in small letters": ("country: NO", "country: no", "2: site.country: expected a country of two capital"),
    "timezone unknown": ("Europe/Oslo", "Europe/Olso", "2: site.timezone: expected a time zone"),
    "bad site id": ("id: north", "id: North", "2: site.id: expected a site id"),
    "no site": ("site: {id: north, country: NO, timezone: Europe/Oslo}\n", "", "1: site: expected the key site, got nothing"),
    "bad ap id": ("  ap1:", "  AP1:", "9: aps.AP1: expected an id (1 to 32 of a-z"),
    "long ap id": ("  ap1:", f"  {'a' * 33}:", "expected an id (1 to 32"),
    "bad radio id": ("{r5: {channels: [100]", "{R5: {channels: [100]", "10: aps.ap2.radios.R5: expected an id"),
    "driver unknown": ("driver: hostapd", "driver: hostpad", "10: aps.ap2.driver: expected an installed driver (clumsy, hostapd, simulated, snmp), got hostpad"),
    "driver missing": ("driver: hostapd, ", "", "10: aps.ap2.driver: expected the key driver, got nothing"),
    "address missing": ("address: 10.0.0.9, ", "", "10: aps.ap2.address: expected the key address, got nothing"),
    "no device at all": ('driver: hostapd, address: 10.0.0.9, credential: "cred:ap2", ', "", "10: aps.ap2.device: expected the key device, or driver and address"),
    "device and driver": ("device: wlc1, match", "device: wlc1, driver: hostapd, match", "9: aps.ap1.device: expected no device beside driver, got wlc1"),
    "device not there": ("device: wlc1", "device: wlc2", "9: aps.ap1.device: expected a device of this file (wlc1), got wlc2"),
    "an AP named as a device": ("  ap2:", "  wlc1:", "10: aps.wlc1: expected an id that no device has, got wlc1, a device and"),
    "group not there": ("group: hall, pos", "group: hal, pos", "9: aps.ap1.group: expected a group of this file (hall), got hal"),
    "group within a group": ("hall: {", "hall: {group: hall, ", "7: groups.hall.group: expected one of"),
    "options refused by name": ("profile: airespace", "profile: a, options: {prot: 1}", "5: devices.wlc1.options.prot: expected a known key, got an unknown key"),
    "options refused by value": ("profile: airespace", "profile: a, options: {port: x}", "5: devices.wlc1.options.port: expected Input should be a valid integer"),
    "options whose check is broken": ("driver: hostapd", "driver: clumsy, options: {a: 1}", "options that driver clumsy accepts, got others (its check failed with KeyError: 'p')"),
    "options refused in a sentence": ("driver: hostapd", "driver: hostapd, options: {a: 1}", "expected options that driver hostapd accepts, got others (hostapd has no options)"),
    "profile twice": ("profile: airespace", "profile: a, options: {profile: b}", "expected the profile once"),
    "match that no driver knows": ("match: {mac: 00:11:22:33:44:AA}", "match: {nam: x}", "9: aps.ap1.match.nam: expected one of mac, name, which drivers know, got an unknown key"),
    "scalar for a mapping": ("device: wlc1, match: {mac: 00:11:22:33:44:AA}", "device: wlc1, match: x", "9: aps.ap1.match: expected a mapping, got x"),
    "list for a mapping": ("aps:\n", "aps: []\nxaps:\n", "8: aps: expected a mapping, got a list"),
    "scalar for a list": ("channels: [100]", "channels: 100", "10: aps.ap2.radios.r5.channels: expected a list, got 100"),
    "mac": ("00:11:22:33:44:AA", "00:11:22:33:44", "9: aps.ap1.match.mac: expected a MAC address"),
    "position": ("[0, 4, 3.5]", "[0, 4]", "9: aps.ap1.position_m: expected 3 values, got a list"),
    "infinite position": ("[0, 4, 3.5]", "[0, 4, .inf]", "9: aps.ap1.position_m[2]: expected a number -100000..100000 m, got .inf"),
    "null in a list": ("[0, 4, 3.5]", "[0, 4, ~]", "aps.ap1.position_m[2]: expected a number -100000..100000 m, got nothing"),
    "radios missing": (", group: hall, radios: {r5: {channels: [100], power_dbm: null}}", "", "10: aps.ap2.radios: expected at least one radio, got none"),
    "quiet hours": ('"02:00-05:00"', '"2-5"', "3: policy.quiet_hours[0]: expected HH:MM-HH:MM, not empty, got 2-5"),
    "empty quiet hours": ('"02:00-05:00"', '"02:00-02:00"', "policy.quiet_hours[0]"),
    "quiet hours after midnight": ('"02:00-05:00"', '"02:00-24:01"', "policy.quiet_hours[0]"),
    "mode": ("mode: advise", "mode: advice", "3: policy.mode: expected one of observe, dry_run, advise, act, got advice"),
    "ratio above 1": ("mode: advise", "max_inflight_ratio: 1.1", "policy.max_inflight_ratio: expected a number 0..1, got 1.1"),
    "no positive time": ("mode: advise", "poll_s: 0", "policy.poll_s: expected a number 1..604800 s, got 0"),
    "a write that outlasts a lease": (
        "mode: advise",
        "apply_timeout_s: 46",
        "policy.apply_timeout_s: expected a number 1..45 s, got 46",
    ),
    "NaN": ("mode: advise", "poll_s: .nan", "policy.poll_s: expected a number 1..604800 s, got .nan"),
    "a number that is none": ("mode: advise", "incident_per_radio_day: two", "expected a whole number 0..10000, got two"),
    "radar later than the law": ("mode: advise", "radar_off_s: 10", "policy.radar_off_s: expected a number 0.1..9.9 s"),
    "radar off before verify": ("mode: advise", "radar_off_s: 4", "policy.radar_off_s: expected more than radar_verify_s (5), got 4"),
    "stale before polled": ("mode: advise", "poll_s: 200", "policy.stale_s: expected more than poll_s (200), got 180"),
    "monitor twice": ("mode: advise", "monitor: {slot_s: 60}", "policy.monitor.slot_s: expected monitor_s or slot_s, not both, got 60"),
    "slots that do not fit": ("mode: advise", "monitor: {slots: 12}", "policy.monitor.more_slots: expected more than slots (12), got 10"),
    "clamp upside down": ("mode: advise", "monitor: {control_clamp: [2, 1]}", "policy.monitor.control_clamp: expected the lower value first"),
    "monitor key": ("mode: advise", "monitor: {slotz: 1}", "policy.monitor.slotz: expected a known key (did you mean slots?)"),
    "clears where it is raised": ("mode: advise", "detect: {burst_clear_duty: 0.7}", "policy.detect.burst_clear_duty: expected less than burst_duty (0.7), got 0.7"),
    "low duty that is high": ("mode: advise", "detect: {burst_low_duty: 0.8}", "policy.detect.burst_low_duty: expected less than burst_duty (0.7), got 0.8"),
    "raised below the clearing level": ("mode: advise", "detect: {sat_busy: 0.6}", "policy.detect.sat_clear_busy: expected less than sat_busy (0.6), got 0.65"),
    "a crowd that never ends": ("mode: advise", "detect: {density_clear_times: 2}", "policy.detect.density_clear_times: expected less than density_times (2), got 2"),
    "an emergency that never ends": ("mode: advise", "detect: {qoe_clear_times: 4}", "policy.detect.qoe_clear_times: expected less than qoe_times (3), got 4"),
    "jammed below the clearing level": ("mode: advise", "detect: {jam_duty: 0.4}", "policy.detect.jam_duty: expected more than burst_clear_duty (0.4), got 0.4"),
    "full before it is crowded": ("mode: advise", "detect: {density_capacity: 10}", "policy.detect.density_capacity: expected at least density_clients (20), got 10"),
    "detect out of range": ("mode: advise", "detect: {sat_busy: 1.1}", "3: policy.detect.sat_busy: expected a number 0..1, got 1.1"),
    "detect key": ("mode: advise", "detect: {sat_bussy: 1}", "policy.detect.sat_bussy: expected a known key (did you mean sat_busy?)"),
    "plan key": ("mode: advise", "plan: {hour: []}", "policy.plan.hour: expected a known key (did you mean hours?)"),
    "plan out of range": ("mode: advise", "plan: {limit_s: 0}", "3: policy.plan.limit_s: expected a number 1..600 s, got 0"),
    "plan hours": ("mode: advise", 'plan: {hours: ["02:00"]}', '3: policy.plan.hours[0]: expected HH:MM-HH:MM, "sat,sun HH:MM-HH:MM" or "YYYY-MM-DD HH:MM - YYYY-MM-DD HH:MM", not empty, got 02:00'),
    "a step that is no difference": ("mode: advise", "plan: {power_step_db: 1}", "policy.plan.power_hysteresis_db: expected at most power_step_db (1), got 2"),
    "zone": ("position_m: [0, 4, 3.5]", "zone: East Wing", "9: aps.ap1.zone: expected a zone: a-z, 0-9, -, at most 32, got East Wing"),
    "detect is a mapping": ("mode: advise", "detect: 5", "3: policy.detect: expected a mapping, got 5"),
    "another 2.4 GHz plan": ("mode: advise", "channels_2_4: [1, 7, 13]", "policy.channels_2_4: expected [1, 6, 11] or [1, 5, 9, 13], got a list"),
    "OBSS-PD above the standard's": ("mode: advise", "obss_pd_most_dbm: -61", "policy.obss_pd_most_dbm: expected a whole number -82..-62 dBm, got -61"),
    "OBSS-PD step": ("mode: advise", "obss_pd_step_db: 0", "policy.obss_pd_step_db: expected a whole number 1..20 dB, got 0"),
    "safe channel with DFS": ("mode: advise", "safe_channels: {5: 52}", "policy.safe_channels.5: expected a 5 GHz channel that is legal in NO without DFS, got 52"),
    "safe channel of another band": ("mode: advise", "safe_channels: {5: 6}", "policy.safe_channels.5: expected a 5 GHz channel"),
    "safe channel of no band": ("mode: advise", "safe_channels: {7: 6}", "policy.safe_channels.7: expected one of 2.4, 5, 6"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_site(name: str) -> None:
    old, new, message = BAD[name]
    found = errors(changed(old, new))
    assert any(message in each for each in found), found
    assert all(each.startswith("north.yaml:") for each in found)


BAD_RADIO = {
    "channels: [36]": "radios.r.band: expected the key band, got nothing",
    "band: 4": "radios.r.band: expected one of 2.4, 5, 6, got 4",
    "band: 5, channels: [036]": "channels[0]: expected a whole number 1..233, got 036",
    "band: 5, channels: [0x24]": "channels[0]: expected a whole number 1..233, got 0x24",
    "band: 5, channels: []": "channels: expected different values, at least one, got a list",
    "band: 5, channels: [36, 36]": "channels: expected different values, at least one",
    "band: 5, channels: [6]": "channels[0]: expected a 5 GHz channel legal in DE, got 6",
    "band: 2.4, channels: [14]": "channels[0]: expected a 2.4 GHz channel legal in DE, got 14 (no rule of DE covers",
    "band: 5, channels: [144]": "channels[0]: expected a 5 GHz channel legal in DE, got 144 (no rule of DE",
    "band: 5, channels: [36], placement: outdoor": "got 36 (DE allows 5180 MHz indoors only)",
    "band: 5, channels: [52], dfs: false": "got 52 (it needs DFS, and the radio has dfs: false)",
    "band: 5, widths_mhz: [30]": "widths_mhz[0]: expected a width of 5 GHz (20, 40, 80, 160 MHz), got 30",
    "band: 2.4, widths_mhz: [80]": "widths_mhz[0]: expected a width of 2.4 GHz (20, 40 MHz), got 80",
    "band: 5, channels: [140], widths_mhz: [20, 80]": "widths_mhz[1]: expected a width with a legal block among",
    "band: 5, channels: [165], widths_mhz: [160]": "got 160 (DE allows at most 80 MHz width around 5745 MHz)",
    "band: 5, channels: [140], widths_mhz: [160]": "got 160 (no block of this width holds any of them)",
    "band: 5, channels: [36], widths_mhz: [160], dfs: false": "got 160 (each needs DFS",
    "band: 5, class_6ghz: lpi": "class_6ghz: expected no 6 GHz class on 5 GHz, got lpi",
    "band: 6, class_6ghz: sp": "widths_mhz",
    "band: 6, placement: outdoor": "6 GHz class lpi is for indoor use only",
    "band: 5, power_dbm: [17]": "power_dbm: expected 2 values, got a list",
    "band: 5, power_dbm: [17, 8]": "power_dbm: expected the lower value first",
    "band: 5, power_dbm: [8, 50]": "power_dbm[1]: expected a whole number -10..40 dBm, got 50",
    "band: 5, power_dbm: [27, 30]": "power_dbm[0]: expected at most 26 dBm, legal in DE with 0 dBi, got 27",
    "band: 2.4, power_dbm: [18, 20], antenna_gain_dbi: 3": "power_dbm[0]: expected at most 17 dBm",
    "band: 5, antenna_gain_dbi: x": "antenna_gain_dbi: expected a number -10..40 dBi, got x",
    "band: 5, placement: roof": "placement: expected one of indoor, outdoor, got roof",
    "band: 5, pinned: yes": "pinned: expected true or false, got yes",
    "band: 5, ifname: 'a b'": "ifname: expected an interface name of at most 15, got a b",
    "band: 5, ifname: w}, q: {band: 5, ifname: w": "radios.q.ifname: expected another interface than that of r, got w",
}  # fmt: skip


@pytest.mark.parametrize("words", BAD_RADIO)
def test_bad_radio(words: str) -> None:
    found = errors(radio(words))
    assert any(BAD_RADIO[words] in each for each in found), found


def test_a_harmless_alias_works() -> None:
    text = GOOD.replace("channels: [36, 52]", "channels: &c [36, 52]").replace(
        "channels: [100]", "channels: *c"
    )
    assert [each.channels for each in read(text).radios.values()] == [(36, 52), (36, 52)]


INLINE = {
    "credential: hunter2": "devices.d.credential: expected a reference cred:NAME, never the secret itself, got ***",
    "credential: [hunter2]": "devices.d.credential: expected a reference cred:NAME",
    "password: hunter2": "devices.d.password: expected one of driver, address",
    "address: 'root:hunter2@h'": "devices.d.address: expected an address without spaces and without a login, got ***",
    "options: {password: hunter2}": "devices.d.options.password: expected a reference cred:NAME, no secret in the file",
    "options: {x: [{snmp_community: hunter2}]}": "devices.d.options.x[0].snmp_community: expected a reference",
    "options: {PrivateKey: {a: hunter2}}": "devices.d.options.PrivateKey: expected a reference",
}  # fmt: skip


@pytest.mark.parametrize("words", INLINE)
def test_a_secret_in_the_file_is_refused_and_never_shown(words: str) -> None:
    address = "" if words.startswith("address") else "address: x, "
    found = errors(radio("band: 5").replace("address: x", address + words))
    assert len(found) == 1
    assert INLINE[words] in found[0]
    assert "hunter2" not in found[0]


def test_a_secret_in_a_group_is_refused_once() -> None:
    found = [
        each
        for each in errors(changed("hall: {", "hall: {options: {api_key: hunter2}, "))
        if "api_key" in each
    ]
    assert len(found) == 1
    assert "groups.hall.options.api_key: expected a reference" in found[0]


def test_a_reference_among_the_options_is_no_secret() -> None:
    text = radio("band: 5").replace("address: x", "address: x, options: {token: 'cred:t'}")
    assert read(text).devices["d"].options == {"token": "cred:t"}


def test_all_errors_of_a_file_are_said_at_once() -> None:
    text = changed("country: NO", "country: XX").replace("mode: advise", "mode: x")
    text = text.replace("device: wlc1", "device: z").replace("channels: [100]", "channels: [101]")
    found = errors(text.replace("driver: snmp", "driver: y"))
    lines = [int(each.split(":")[1]) for each in found]
    assert lines == [2, 3, 5, 9, 10]


def test_an_error_of_a_group_is_said_once() -> None:
    assert len(errors(changed("channels: [36, 52]", "channels: [36, 53]"))) == 1
    assert len(errors(changed('band: "5", channels: [36, 52]', "band: 7"))) == 1
    many = GOOD + "\n".join(f"  x{n}: {{device: wlc1, group: hall}}" for n in range(20))
    assert len(errors(many.replace("widths_mhz: [20, 40]", "widths_mhz: [20, 320]"))) == 1


def test_an_unused_group_is_looked_at() -> None:
    assert errors(
        GOOD.replace("group: hall", "radios: {r: {band: 5}}", 1)
        .replace("group: hall, ", "")
        .replace("r5: {channels: [100]", "r5: {band: 5")
        .replace("[36, 52]", "[x]")
    )


def test_one_mac_address_is_one_ap() -> None:
    found = errors(GOOD + "  ap3: {device: wlc1, group: hall, match: {mac: 00:11:22:33:44:aa}}\n")
    assert found == [
        "north.yaml:11: aps.ap3.match.mac: expected a MAC address that no other AP of the device has, got that of ap1"
    ]


def test_one_name_on_the_controller_is_one_ap() -> None:
    more = "  ap3: {{device: wlc1, group: hall, match: {{name: Hall}}}}\n  {0}: {{device: wlc1, group: hall{1}}}\n"
    found = errors(GOOD + more.format("ap4", ", match: {name: hall}"))
    assert found == [
        "north.yaml:12: aps.ap4.match.name: expected a name that no other AP of the device has, got that of ap3"
    ]
    assert "that of ap3" in errors(GOOD + more.format("hall", ""))[0]
    aps = read(GOOD + more.format("ap4", ", match: {name: yard}")).aps
    assert [aps[id].match["name"] for id in ("ap3", "ap4")] == ["Hall", "yard"]


def test_text_that_plain_yaml_would_retype_stays_text() -> None:
    text = radio("band: 5").replace(
        "address: x", "address: x, options: {a: NO, b: 11:22:33, c: 010, d: 2026-01-01, e: '~'}"
    )
    assert read(text).devices["d"].options == {
        "a": "NO",
        "b": "11:22:33",
        "c": "010",
        "d": "2026-01-01",
        "e": "~",
    }


def test_files(tmp_path: Path) -> None:
    with pytest.raises(SiteErrors, match="expected a readable file, got No such file"):
        load(tmp_path / "none.yaml", SCHEMAS)
    with pytest.raises(SiteErrors, match="expected a readable file, got Is a directory"):
        load(tmp_path, SCHEMAS)
    with pytest.raises(SiteErrors, match=r"expected a directory with \*.yaml files"):
        load_sites(tmp_path, SCHEMAS)


def test_sites_of_several_files_and_their_errors(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("north", "south"))
    assert sorted(load_sites(tmp_path, SCHEMAS)) == ["north", "south"]
    assert sorted(load_sites([tmp_path / "b.yaml"], SCHEMAS)) == ["south"]
    assert sorted(load_sites(tmp_path / "a.yaml", SCHEMAS)) == ["north"]
    (tmp_path / "c.yaml").write_text(GOOD)
    (tmp_path / "d.yaml").write_text(GOOD.replace("country: NO", "country: XX"))
    with pytest.raises(SiteErrors) as caught:
        load_sites(tmp_path, SCHEMAS)
    assert [(Path(each.file).name, each.path) for each in caught.value.errors] == [
        ("c.yaml", "site.id"),
        ("d.yaml", "site.country"),
    ]


def test_a_site_is_frozen() -> None:
    site = read(GOOD)
    with pytest.raises(TypeError):
        site.aps["x"] = site.aps["ap1"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        site.policy.mode = Mode.ACT  # type: ignore[misc]


pieces = st.sampled_from(
    ["version: 1", "site:", "aps:", "groups:", "devices:", "policy:", "radios:", "monitor: ", "channels: ", "{", "}", "[", "]",
     ", ", "\n", "\n  ", "\n    ", ": ", "- ", "a", "36", "NO", "&a ", "*a", "!!int ", "'", '"', "\\", "#", "|\n", "~", "<<", "\ud7ff", "group: a"]
)  # fmt: skip
garbage = st.lists(pieces, max_size=40).map("".join) | st.text(max_size=60)


def survives(raw: bytes) -> None:
    try:
        read_site(raw, "x.yaml", SCHEMAS)
    except SiteErrors as error:
        str(error).encode()  # can be printed


@given(garbage)
@example("aps: {a: {group: [], radios: []}}")
@example("aps: {a: }\ngroups: {a: }\nsite: []\npolicy: x\ndevices: {d: [], e: {driver: []}}")
@example("policy: {quiet_hours: {}, safe_channels: [], monitor: []}")
def test_garbage_is_site_errors_and_nothing_else(text: str) -> None:
    survives(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=60))
def test_bytes_are_site_errors_and_nothing_else(raw: bytes) -> None:
    survives(raw)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 12), pieces)
def test_a_good_file_with_one_wound_is_a_site_or_site_errors(at: int, cut: int, piece: str) -> None:
    survives((GOOD[:at] + piece + GOOD[at + cut :]).encode("utf-8", "surrogatepass"))

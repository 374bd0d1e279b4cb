"""C9800: what is read out of its tables, and what an edit sends. The recording is synthetic."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.errors import Unsupported
from drivers.netconf.cisco import find, parse, parse_event, parse_rrm, plan, reading, render
from drivers.netconf.cisco.parse import Radio, Slot
from drivers.netconf.cisco.reading import Answers
from drivers.netconf.cisco.watch import Watch
from drivers.netconf.parse_hello import offers
from drivers.netconf.parse_reply import data, reply
from drivers.signals import AttackHeard, ClientLeft, InterferenceHeard, RadarDetected, RogueHeard
from drivers.types import Edit, Outage, RadioReading, RadioState, Readback, ScopeRef, Setting, Table
from inventory.model import AccessPoint, Band, radio_key
from inventory.model import Radio as Listed

RECORDINGS = Path(__file__).parents[3] / "contract" / "recordings" / "netconf"
TEXT = (RECORDINGS / "cisco.c9800.xml").read_text()
A0, A1, A2 = (Slot("02:00:00:0a:00:00", number) for number in range(3))
B0, B2 = (Slot("02:00:00:0b:00:00", number) for number in (0, 2))
KEY = radio_key("north", "ap1", "r5")
SCOPE = ScopeRef(kind="radio", name="1", members=(KEY,))
ALL = frozenset(Table)


def radios(text: str = TEXT) -> dict[Slot, Radio]:
    return parse.radios(data(reply(text)))


def read(slot: Slot = A1, text: str = TEXT, *, owns: bool = True) -> RadioReading:
    there = data(reply(text))
    answers = Answers(
        radios=parse.radios(there),
        totals=parse.totals(there),
        loads=parse_rrm.loads(there),
        neighbors=parse_rrm.neighbors(there),
    )
    radio = answers.radios[slot]
    return reading.reading(KEY, radio.band or Band.GHZ_5, radio, answers, ALL, 1.0, owns=owns)


def test_all_that_a_radio_tells() -> None:
    said = read()
    assert said.channel is not None
    assert said.width_mhz is not None
    assert said.tx_power_dbm is not None
    assert (said.channel.value, said.width_mhz.value, said.tx_power_dbm.value) == (36, 40, 17.0)
    assert said.power_choices_dbm == (2, 5, 8, 11, 14, 17, 20, 23)
    assert said.gauges is not None
    assert (said.gauges.busy_ratio, said.gauges.rx_ratio, said.gauges.tx_ratio) == (0.41, 0.22, 0.09)
    assert (said.gauges.non_wifi_ratio, said.gauges.noise_dbm) == (0.03, -93)
    assert said.counters is not None
    assert (said.counters.tx_frames, said.counters.tx_retries, said.counters.tx_failed) == (
        400000,
        21000,
        1200,
    )
    assert said.counters.width_bits == 32
    assert (said.client_count, said.hardware_resets, said.managed_by) == (7, 1, None)
    assert said.neighbors is not None
    assert [(n.bssid, n.channel, n.width_mhz, n.center_mhz) for n in said.neighbors] == [
        ("02:00:00:0b:00:00", 100, 80, 5530),
        ("02:00:00:0c:00:00", 44, 40, 5230),
    ]
    assert said.allowed_mhz is not None
    assert {5180, 5260, 5745} <= said.allowed_mhz


def test_trap_7_a_power_level_is_not_dbm() -> None:
    """Level 3 of this radio is 17 dBm; of the list's last entries -1 is no power."""
    assert radios()[A1].level == 3
    assert radios()[A0].levels_dbm == (20, 17, 14, 11, 8, 5)
    untold = TEXT.replace("<num-supp-power-levels>6</num-supp-power-levels>", "")
    assert radios(untold)[A0].levels_dbm == (20, 17, 14, 11, 8, 5)
    odd = TEXT.replace("<tx-power-level-3>14<", "<tx-power-level-3>17<", 1)
    assert radios(odd)[A0].levels_dbm == (20, 17)


def test_trap_9_more_than_all_of_the_air_is_not_reported() -> None:
    said = read(B0)
    assert said.gauges is not None
    assert (said.gauges.busy_ratio, said.gauges.rx_ratio) == (None, 0.3)


def test_a_radio_that_only_listens_has_no_channel_and_is_off() -> None:
    said = read(A2)
    assert (said.channel, said.width_mhz, said.state) == (None, None, RadioState.OFF)


def test_a_radio_that_rrm_has_no_row_for_has_no_load() -> None:
    said = read(A0)
    assert (said.gauges, said.client_count, said.counters) == (None, None, None)


def test_a_list_of_levels_that_is_not_filled_in_is_none() -> None:
    zeros = re.sub(r"<(tx-power-level-\d)>-?\d+<", r"<\1>0<", TEXT)
    assert radios(zeros)[A0].levels_dbm == ()
    assert read(A0, zeros).power_choices_dbm is None


def test_a_radio_for_two_bands_has_the_powers_of_the_one_that_it_serves() -> None:
    assert radios()[B0].band is Band.GHZ_5
    assert radios()[B0].levels_dbm == (22, 19, 16)
    assert radios()[B2].band is Band.GHZ_6


def test_a_controller_that_chooses_by_itself_is_the_owner() -> None:
    assert read(A0).managed_by == "cisco rrm"
    assert read(A0, owns=False).managed_by is None


@pytest.mark.parametrize("leaf", ["phy-ht-cfg-config-type", "phy-tx-power-config-type"])
def test_a_controller_that_does_not_say_who_chooses_is_the_owner(leaf: str) -> None:
    silent = TEXT.replace(f"<{leaf}>customized</{leaf}>", "")
    assert read(A1, silent).managed_by == "cisco rrm"
    assert read(A1, silent, owns=False).managed_by is None


def test_what_rrm_has_set_is_in_force_and_not_configured() -> None:
    state = reading.config(SCOPE, radios()[A0])
    assert Setting.CHANNEL not in state.configured
    assert state.in_force[Setting.CHANNEL] == 6


def test_a_cac_and_a_switched_off_radio_are_told_apart() -> None:
    on = radios()[A1]
    scope_state = [
        reading.config(SCOPE, replace(on, **change)).state  # type: ignore[arg-type]  # fields of their own
        for change in ({"cac": True}, {"admin_up": False}, {"oper_up": False}, {})
    ]
    assert scope_state == [RadioState.CAC, RadioState.OFF, RadioState.OFF, RadioState.ON_AIR]


def test_a_radio_in_cac_is_neither_on_nor_on_a_channel() -> None:
    state = reading.config(SCOPE, replace(radios()[A1], cac=True))
    assert state.in_force.keys() == {Setting.TX_POWER_DBM}
    assert state.configured[Setting.CHANNEL] == 36
    same = Edit(change_id="c", scope=SCOPE, set={Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 40})
    assert plan.steps(replace(radios()[A1], cac=True), same, state) == (), "it would start to listen anew"


@pytest.mark.parametrize(
    ("match", "band", "ifname", "slot"),
    [
        ({"mac": "02:00:00:0A:FF:01"}, Band.GHZ_5, None, A1),
        ({"mac": "02:00:00:0a:00:00"}, Band.GHZ_2_4, None, A0),
        ({"name": "ap2"}, Band.GHZ_6, None, B2),
        ({"name": "ap2"}, Band.GHZ_5, "0", B0),
        ({"name": "ap2"}, Band.GHZ_2_4, None, None),
        ({"name": "nobody"}, Band.GHZ_5, None, None),
        ({}, Band.GHZ_5, None, A1),  # by its own name, ap1
    ],
)
def test_a_radio_is_found_by_its_ap_and_slot_or_band(
    match: dict[str, str], band: Band, ifname: str | None, slot: Slot | None
) -> None:
    there = data(reply(TEXT))
    ap = AccessPoint(id="ap1", device="wlc", match=match, radios=(Listed(key=KEY, band=band, ifname=ifname),))
    assert find.slots([ap], parse.aps(there), radios().values()).get(KEY) == slot


def edit(**values: int) -> Edit:
    return Edit(change_id="c", scope=SCOPE, set={Setting(name): v for name, v in values.items()}, expect={})


def sent(slot: Slot, wanted: Edit) -> list[str]:
    radio = radios()[slot]
    todo = plan.steps(radio, wanted, reading.config(SCOPE, radio))
    return [each.partition(" ")[0].strip("<") for each in todo]


def test_a_radio_widens_after_it_moved_and_narrows_before() -> None:
    assert sent(A1, edit(channel=149, width_mhz=80)) == [
        "set-ap-slot-phy-ht-chan",
        "set-slot-chan-width-label",
    ]
    assert sent(A1, edit(channel=149, width_mhz=20)) == [
        "set-slot-chan-width-label",
        "set-ap-slot-phy-ht-chan",
    ]


def test_a_power_is_a_level_and_customized_first() -> None:
    assert sent(A0, edit(tx_power_dbm=8)) == ["set-ap-slot-tx-power-customize", "set-ap-slot-tx-power-level"]
    assert sent(A1, edit(tx_power_dbm=8)) == ["set-ap-slot-tx-power-level"]
    assert (
        "<tx-power-level>6<"
        in plan.steps(radios()[A1], edit(tx_power_dbm=8), reading.config(SCOPE, radios()[A1]))[0]
    )


def test_the_band_of_a_command_follows_the_radios_type() -> None:
    assert "<band>band-dualband-radio<" in render.set_channel(B0, "radio-80211abgn", 36)
    assert "<band>3<" in render.set_level(B0, "radio-80211abgn", 1)
    assert "<band>6<" in render.set_level(B0, "radio-80211-xor-24-6ghz", 1)
    with pytest.raises(Unsupported):
        render.set_level(B0, "radio-uwb", 1)


def test_an_ap_is_named_by_its_radio_mac_and_slot() -> None:
    xml = render.set_channel(A1, "radio-80211a", 149)
    assert "<chan>149</chan><slot-id>1</slot-id><band>band-5-ghz</band>" in xml
    assert "<mac-addr>02:00:00:0a:00:00</mac-addr></set-ap-slot-phy-ht-chan>" in xml


@pytest.mark.parametrize(
    "values",
    [{"tx_power_dbm": 18}, {"obss_pd_dbm": -72}, {"width_mhz": 320}, {"channel": 37}, {"enabled": 7}],
)
def test_what_the_radio_can_not_is_unsupported(values: dict[str, int]) -> None:
    with pytest.raises(Unsupported):
        sent(A1, edit(**values))


@pytest.mark.parametrize(
    ("values", "outage"),
    [
        ({"tx_power_dbm": 11}, Outage.NONE),
        ({"channel": 149}, Outage.CLIENTS_DROP),
        ({"channel": 52}, Outage.CAC),
        ({"enabled": 0}, Outage.CLIENTS_DROP),
        ({"channel": 36}, Outage.NONE),
    ],
)
def test_what_an_edit_costs(values: dict[str, int], outage: Outage) -> None:
    radio = radios()[A1]
    told = plan.effects(radio, edit(**values), reading.config(SCOPE, radio))
    assert (told.outage, told.readback, told.persists) == (outage, Readback.IN_FORCE, False)


ON = "<he-obss-pd-enable>true</he-obss-pd-enable>"
PROFILE = ScopeRef(kind="rf_profile", name="campus-5ghz", members=(KEY,))


@pytest.mark.parametrize(
    ("leafs", "dbm"),
    [
        ("<he-obss-pd-enable>false</he-obss-pd-enable>", -82),
        ("", -82),
        ("<he-obss-pd-enable>true</he-obss-pd-enable>", -62),
        (
            "<he-obss-pd-enable>true</he-obss-pd-enable><he-non-srg-obss-pd-max>-70</he-non-srg-obss-pd-max>",
            -70,
        ),
    ],
)
def test_obss_pd_is_what_the_rf_profile_says(leafs: str, dbm: int) -> None:
    text = TEXT.replace("<he-obss-pd-enable>false</he-obss-pd-enable>", leafs)
    assert parse.profile(data(reply(text)), "campus-5ghz") == dbm
    assert parse.profile(data(reply(text)), "another") is None


@pytest.mark.parametrize(("dbm", "part"), [(-72, "<he-non-srg-obss-pd-max>-72<"), (-82, "enable>false<")])
def test_obss_pd_is_set_for_the_whole_profile_and_only_configured(dbm: int, part: str) -> None:
    have = reading.profile_config(PROFILE, -70)
    wanted = Edit(change_id="c", scope=PROFILE, set={Setting.OBSS_PD_DBM: dbm})
    told = plan.profile_effects(wanted, have, offers(()))
    assert part in told.commands[0]
    assert told.readback is Readback.CONFIGURED
    assert have.in_force == {}


def watching(text: str = TEXT) -> Watch:
    watch = Watch("wlc")
    watch.knows({KEY: A1}, radios(text))
    watch.begins(parse_rrm.seen(data(reply(text))))
    return watch


def heard(before: str, after: str) -> list[object]:
    return list(watching(before).looked(parse_rrm.seen(data(reply(after))), 5.0))


NEVER = "<radar-detected-timestamp>1970-01-01T00:00:00+00:00</radar-detected-timestamp>"
NOW = "<radar-detected-timestamp>2026-11-26T18:03:11+00:00</radar-detected-timestamp>"


def test_radar_is_polled_and_1970_is_never() -> None:
    hit = TEXT.replace(NEVER, NOW)
    (found,) = heard(TEXT, hit)
    assert isinstance(found, RadarDetected)
    assert (found.radio, found.mhz20) == (KEY, frozenset({5260}))  # channel 52: not where the radio is now
    assert heard(hit, hit) == []
    assert parse_rrm.radar(data(reply(TEXT))) == {A1: frozenset()}
    assert heard(TEXT, TEXT) == []


def test_radar_on_a_part_of_the_block_is_on_all_of_it() -> None:
    (found,) = heard(TEXT, TEXT.replace(NEVER, NOW).replace("<channel-number>52<", "<channel-number>40<"))
    assert isinstance(found, RadarDetected)
    assert found.mhz20 == frozenset({5180, 5200})


def test_an_interferer_on_our_channel_is_told_once_and_when_it_has_gone() -> None:
    ours = TEXT.replace("149,153", "36,40")
    watch = watching()
    assert watch.looked(parse_rrm.seen(data(reply(TEXT))), 1.0) == []  # on other channels
    (found,) = watch.looked(parse_rrm.seen(data(reply(ours))), 2.0)
    assert isinstance(found, InterferenceHeard)
    assert (found.what, found.duty_ratio, found.over) == ("video camera", 0.12, False)
    assert watch.looked(parse_rrm.seen(data(reply(ours))), 3.0) == []
    (gone,) = watch.looked(parse_rrm.seen(data(reply(ours.replace("-video", "-unknown")))), 4.0)
    assert isinstance(gone, InterferenceHeard)
    assert gone.over


def test_a_jammer_is_an_attack() -> None:
    (found,) = heard(TEXT, TEXT.replace("149,153", "36,40").replace("-video", "-jam"))
    assert isinstance(found, AttackHeard)
    assert found.jamming


def test_notifications_tell_rogues_and_clients_that_left() -> None:
    watch = watching()
    rogue = watch.notified((RECORDINGS / "cisco.rogue-events.xml").read_text(), 1.0)
    assert isinstance(rogue, RogueHeard)
    assert (rogue.bssid, rogue.ssid, rogue.channel) == ("02:00:00:00:ba:d1", "office", 44)
    assert (rogue.impersonates, rogue.over, rogue.radio) == (True, False, KEY)
    left = watch.notified((RECORDINGS / "cisco.client-deleted.xml").read_text(), 1.0)
    assert isinstance(left, ClientLeft)
    assert (left.mac, left.radio) == ("02:00:00:00:0c:01", KEY)


def test_a_client_that_is_being_deleted_has_not_left_twice() -> None:
    text = (RECORDINGS / "cisco.client-deleted.xml").read_text()
    assert parse_event.event(text.replace("event-deleted", "event-delete-in-progress")) is None


def test_radios_of_nobody_are_no_news() -> None:
    text = (RECORDINGS / "cisco.rogue-events.xml").read_text()
    assert watching().notified(text.replace("<slot-id>1<", "<slot-id>9<"), 1.0) is None

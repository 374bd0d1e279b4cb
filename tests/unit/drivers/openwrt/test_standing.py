"""What a radio is doing: the surprises of a real AP, each from its recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from unit.drivers.openwrt.recorded import data, of_ssh, plain, step

from drivers.hostapd import parse as parse_cli
from drivers.openwrt import standing
from drivers.openwrt.asked import Answers, calls
from drivers.openwrt.find import Found, found
from drivers.openwrt.parse_wireless import Radio, radios
from drivers.openwrt.reading import reading
from drivers.openwrt.standing import CAC_LONGEST_S, NOTHING, Base, Local
from drivers.openwrt.ubus import Answer, Call, ObjectGone
from drivers.types import RadioReading, RadioState, ScopeRef, Setting, Table
from inventory.model import Band, RadioKey

KEY = RadioKey("north/ap1/r5")
SCOPE = ScopeRef(kind="radio", name="phy0-ap0", members=(KEY,))
GONE = Answer(error=ObjectGone("no such object now"))
INFO = Call(object="iwinfo", method="info", args={"device": "phy0-ap0"})
STATUS = Call(object="hostapd.phy0-ap0", method="get_status")


def _of(wireless: Mapping[str, Any]) -> tuple[Found, Radio]:
    device = radios(wireless)[0]
    return found(KEY, Band.GHZ_5, device), device


def _base(
    wireless: Mapping[str, Any],
    status: Answer,
    info: Mapping[str, Any] | None = None,
    local: Local = NOTHING,
    silent_s: float = 5.0,
) -> Base:
    where, device = _of(wireless)
    answers = Answers.of((STATUS, INFO), (status, Answer(data=info) if info is not None else GONE))
    return standing.base(where, device, answers, local, silent_s)


def _synthetic(**config: object) -> dict[str, Any]:
    interface = {"section": "w", "ifname": "phy0-ap0", "config": {"mode": "ap"}}
    said = {"band": "5g", "channel": "36", "htmode": "HE80", **config}
    return {"radio0": {"up": True, "config": said, "interfaces": [interface]}}


def test_on_air_is_what_hostapd_calls_enabled_where_the_kernel_has_it() -> None:
    here = _base(
        of_ssh("ubus-core.json", "ubus call network.wireless status"),
        Answer(data=of_ssh("hostapd-ubus.json", "ubus call hostapd.phy0-ap0 get_status")),
        of_ssh("iwinfo.json", 'ubus call iwinfo info \'{"device":"phy0-ap0"}\''),
    )
    assert here.state is RadioState.ON_AIR
    assert here.place is not None
    assert (here.place.channel, here.place.width_mhz, here.place.center_mhz) == (36, 80, 5210)


def test_in_cac_the_object_is_absent_and_the_ap_is_not_lost() -> None:
    """netifd says up and the channel, iwinfo says the channel: nothing is served."""
    here = _base(data(step("dfs-cac", 6)), GONE, data(step("dfs-cac", 4)))
    assert here.state is RadioState.CAC
    assert here.place is None
    assert Setting.CHANNEL not in standing.config(here, SCOPE).in_force


def test_in_cac_hostapd_cli_tells_how_long_it_takes_still() -> None:
    local = Local(cli=parse_cli.status(step("dfs-cac", 8)))
    wireless = data(step("dfs-cac", 6))
    here = _base(wireless, GONE, local=local)
    assert here.state is RadioState.CAC
    where, _ = _of(wireless)
    told = reading(where, here, Answers({}), frozenset({Table.STATUS}), 1.0)
    assert told.cac_left_s == 51.0


def test_up_and_a_channel_after_radar_with_nowhere_to_go_are_no_service() -> None:
    """The plain `channel '52'`: no channel left, waiting for the NOP, `up: true`."""
    local = Local(cli=parse_cli.status(step("dfs-radar_fixed", 8)))
    here = _base(data(step("dfs-radar_fixed", 11)), GONE, local=local)
    assert here.radio.up
    assert here.state is RadioState.NOP
    assert standing.config(here, SCOPE).in_force == {Setting.ENABLED: 0}


def test_a_radio_that_its_nop_left_off_is_not_called_on_air() -> None:
    """dfs-after-nop-stuck: state=DFS and no countdown, for ever."""
    text = plain("dfs-after-nop-stuck.txt")
    local = Local(cli=parse_cli.status(text[text.index("state=") : text.index("Interface ")]))
    here = _base(data(step("dfs-radar_fixed", 11)), GONE, local=local)
    assert here.state in (RadioState.NOP, RadioState.OFF)


def test_a_channel_that_does_not_exist_leaves_the_radio_off_with_up_true() -> None:
    """uci channel 37: accepted, `up: true`, and the radio is gone."""
    wireless = data(step("uci-badchan", 3, "uci-apply.json"))
    here = _base(wireless, GONE, silent_s=standing.START_LONGEST_S + 1)
    assert here.radio.up
    assert here.state is RadioState.OFF


def test_during_an_announced_switch_the_kernels_word_counts() -> None:
    """get_status is early; iwinfo asks the kernel."""
    status = dict(data(step("csa", 1)))
    here = _base(_synthetic(), Answer(data=status), {"frequency": 5180, "center_chan1": 42, "htmode": "HE80"})
    assert here.switching
    assert here.place is not None
    assert here.place.channel == 36


def test_acs_owns_the_channel() -> None:
    wireless = data(step("dfs-acs", 5))
    where, device = _of(wireless)
    status = Answer(data=data(step("dfs-acs", 3)))
    answers = Answers.of((STATUS, INFO), (status, GONE))
    here = standing.base(where, device, answers, NOTHING, 0.0)
    told = reading(where, here, answers, frozenset({Table.STATUS}), 1.0)
    assert told.managed_by == "OpenWrt ACS"
    assert (told.channel and told.channel.value) == 161
    assert Setting.CHANNEL not in standing.config(here, SCOPE).configured


@pytest.mark.parametrize(
    ("config", "extra", "silent_s", "state"),
    [
        ({}, {}, 5.0, RadioState.STARTING),
        ({}, {}, 500.0, RadioState.OFF),
        ({"channel": "52"}, {}, 5.0, RadioState.CAC),
        ({"channel": "36", "htmode": "HE160"}, {}, 5.0, RadioState.CAC),
        ({"channel": "auto"}, {}, 5.0, RadioState.CAC),
        ({"channel": "52"}, {}, CAC_LONGEST_S + 1, RadioState.NOP),
        ({"channel": "52"}, {"pending": True}, 5.0, RadioState.STARTING),
        ({"channel": "52"}, {"disabled": True}, 5.0, RadioState.OFF),
        ({"channel": "52", "disabled": True}, {}, 5.0, RadioState.OFF),
        ({"channel": "52"}, {"up": False}, 5.0, RadioState.OFF),
    ],
)
def test_why_there_is_no_object(
    config: dict[str, object], extra: dict[str, object], silent_s: float, state: RadioState
) -> None:
    wireless = _synthetic(**config)
    wireless["radio0"] |= extra
    assert _base(wireless, GONE, silent_s=silent_s).state is state


def _read(tables: set[Table], given: Mapping[str, Any]) -> RadioReading:
    where, device = _of(_synthetic())
    asked = calls(where, frozenset(tables), lists=False)
    answers = Answers.of(asked, [Answer(data=given[f"{each.object} {each.method}"]) for each in asked])
    here = standing.base(where, device, answers, NOTHING, 0.0)
    return reading(where, here, answers, frozenset(tables), 1.0)


def test_without_a_survey_hostapds_utilization_is_what_there_is() -> None:
    status = {"status": "ENABLED", "freq": 5180, "airtime": {"time": 9, "utilization": 51}}
    info = {"frequency": 5180, "htmode": "HE80"}
    given = {"hostapd.phy0-ap0 get_status": status, "iwinfo info": info, "iwinfo survey": {"results": []}}
    told = _read({Table.SURVEY}, given)
    assert told.survey is None
    assert told.gauges is not None
    assert told.gauges.busy_ratio == pytest.approx(0.2)


def test_with_a_survey_nothing_is_gauged() -> None:
    status = {"status": "ENABLED", "freq": 5180, "airtime": {"time": 9, "utilization": 51}}
    row = {"mhz": 5180, "active_time": 100, "busy_time": 10}
    given = {
        "hostapd.phy0-ap0 get_status": status,
        "iwinfo info": {"frequency": 5180, "htmode": "HE80"},
        "iwinfo survey": {"results": [row]},
    }
    told = _read({Table.SURVEY}, given)
    assert told.gauges is None
    assert [each.in_use for each in told.survey or ()] == [True]


def test_stations_of_each_bss_bear_its_bssid() -> None:
    status = {"status": "ENABLED", "freq": 5180, "bssid": "02:00:00:00:00:AA"}
    given = {
        "hostapd.phy0-ap0 get_status": status,
        "iwinfo info": {"frequency": 5180, "htmode": "HE80"},
        "iwinfo assoclist": {"results": [{"mac": "02:00:00:00:02:00", "tx": {"packets": 5, "retries": 1}}]},
    }
    (client,) = _read({Table.CLIENTS}, given).clients or ()
    assert (client.bssid, client.tx_frames, client.tx_retries) == ("02:00:00:00:00:aa", 5, 1)


def test_a_width_that_nobody_tells_is_not_made_up() -> None:
    """iwinfo without htmode and center_chan1, hostapd with an operating class that says nothing."""
    status = Answer(data={"status": "ENABLED", "freq": 5180})
    here = _base(_synthetic(), status, {"frequency": 5180, "txpower": 20})
    assert dict(standing.config(here, SCOPE).in_force) == {
        Setting.CHANNEL: 36,
        Setting.ENABLED: 1,
        Setting.TX_POWER_DBM: 20,
    }
    assert standing.occupied(here) is None
    where, _ = _of(_synthetic())
    told = reading(where, here, Answers({}), frozenset({Table.STATUS}), 1.0)
    assert (told.width_mhz, told.center_mhz) == (None, None)
    assert told.channel is not None
    assert told.channel.value == 36

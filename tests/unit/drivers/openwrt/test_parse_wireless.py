"""netifd's and UCI's view of radios."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.drivers.openwrt.recorded import of_ssh

from drivers.errors import Garbage
from drivers.openwrt.parse_wireless import radios, sections, width_of
from inventory.model import Band

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _status(**config: object) -> dict[str, object]:
    interface = {"section": "w", "ifname": "phy0-ap0", "config": {"mode": "ap", "ssid": "x"}}
    return {"radio0": {"up": True, "config": {"band": "5g", **config}, "interfaces": [interface]}}


def test_interface_names_are_the_devices_own() -> None:
    """openwrt.md: the interface is phy0-ap0, not wlan0."""
    five, two = radios(of_ssh("ubus-core.json", "ubus call network.wireless status"))
    assert (five.section, five.band, five.bss) == ("radio0", Band.GHZ_5, ("phy0-ap0",))
    assert (two.section, two.band, two.bss) == ("radio1", Band.GHZ_2_4, ("phy1-ap0",))
    assert (five.channel, five.width_mhz, five.country) == (36, 80, "US")


def test_auto_is_no_channel_but_somebody_elses_choice() -> None:
    (radio,) = radios(_status(channel="auto"))
    assert radio.automatic
    assert radio.channel is None


def test_channels_may_be_a_list_or_text() -> None:
    assert radios(_status(channels=["36-48", "149"]))[0].channels == ("36-48", "149")
    assert radios(_status(channels="36-48 149"))[0].channels == ("36-48", "149")


def test_a_mesh_or_a_station_is_an_uplink() -> None:
    status = _status()
    mesh = {"section": "m", "ifname": "phy0-mesh0", "config": {"mode": "mesh"}}
    status["radio0"]["interfaces"].append(mesh)  # type: ignore[index]
    (radio,) = radios(status)
    assert radio.uplink
    assert radio.bss == ("phy0-ap0",)


def test_an_interface_name_that_could_be_a_command_is_none() -> None:
    status = _status()
    status["radio0"]["interfaces"][0]["ifname"] = "x;reboot"  # type: ignore[index]
    assert radios(status)[0].bss == ()


@pytest.mark.parametrize(
    ("htmode", "mhz"),
    [
        ("HE80", 80),
        ("HT40+", 40),
        ("VHT80+80", 80),
        ("EHT320-2", 320),
        ("NOHT", 20),
        ("HT20", 20),
        ("", None),
        ("HE33", None),
        (None, None),
    ],
)
def test_width_of_htmode(htmode: str | None, mhz: int | None) -> None:
    assert width_of(htmode) == mhz


def test_before_21_02_the_hwmode_tells_the_band() -> None:
    assert radios({"radio0": {"config": {"hwmode": "11a"}}})[0].band is Band.GHZ_5
    assert radios({"radio0": {"config": {"channel": "6"}}})[0].band is Band.GHZ_2_4


def test_uci_get_by_section() -> None:
    found = sections(of_ssh("ubus-core.json", 'ubus call uci get \'{"config":"wireless"}\''))
    assert found["radio0"]["htmode"] == "HE80"


def test_no_password_of_the_wifi_is_in_what_is_kept() -> None:
    kept = repr(radios(of_ssh("ubus-core.json", "ubus call network.wireless status")))
    assert "labpassword" not in kept


@given(JSON)
def test_whatever_comes_it_is_radios_or_garbage(said: object) -> None:
    answer = said if isinstance(said, dict) else {"radio0": said}
    try:
        found = radios(answer)
    except Garbage:
        return
    assert all(each.section in answer for each in found)


def test_all_options_that_netifd_loaded_are_kept_as_uci_would_have_them() -> None:
    config = {"noscan": True, "beacon_int": 100, "country": "US", "channels": ["36"], "odd": 1.5, "more": {}}
    (radio,) = radios({"radio0": {"config": config}})
    kept = {"noscan": True, "beacon_int": "100", "country": "US", "channels": ("36",)}
    assert dict(radio.options) == kept

"""Radios of the inventory among those of an AP; its address and options; who it is."""

from __future__ import annotations

from typing import Any

import pytest
from unit.drivers.openwrt.recorded import of_ssh

from drivers.errors import PersonNeeded
from drivers.openwrt.find import find
from drivers.openwrt.identity import identity
from drivers.openwrt.options import Address, address, checked
from drivers.openwrt.parse_wireless import radios
from inventory.model import Band, Radio, radio_key

KEY = radio_key("north", "ap1", "r5")


def _radio(section: str, band: str, *names: str) -> dict[str, Any]:
    interfaces = [{"section": "w", "ifname": name, "config": {"mode": "ap"}} for name in names]
    return {section: {"up": True, "config": {"band": band}, "interfaces": interfaces}}


TWO = _radio("radio0", "5g", "phy0-ap0", "phy0-ap1") | _radio("radio1", "2g")


def test_by_band() -> None:
    found = find(Radio(key=KEY, band=Band.GHZ_5), radios(TWO))
    assert found is not None
    assert (found.section, found.ifname, found.bss) == ("radio0", "phy0-ap0", ("phy0-ap0", "phy0-ap1"))


@pytest.mark.parametrize("name", ["phy0-ap0", "phy0-ap1", "radio0"])
def test_by_any_of_its_names(name: str) -> None:
    found = find(Radio(key=KEY, band=Band.GHZ_5, ifname=name), radios(TWO))
    assert found is not None
    assert found.section == "radio0"


def test_a_radio_that_is_off_has_no_interface_and_is_found_all_the_same() -> None:
    found = find(Radio(key=KEY, band=Band.GHZ_2_4), radios(TWO))
    assert found is not None
    assert (found.ifname, found.bss) == ("radio1", ())


def test_two_that_fit_need_a_person() -> None:
    three = TWO | _radio("radio2", "5g", "phy2-ap0")
    with pytest.raises(PersonNeeded, match=r"radio0, radio2.*ifname"):
        find(Radio(key=KEY, band=Band.GHZ_5), radios(three))


def test_none_is_none() -> None:
    assert find(Radio(key=KEY, band=Band.GHZ_6), radios(TWO)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ap1", ("https", "ap1", 443)),
        ("10.0.0.1:8443", ("https", "10.0.0.1", 8443)),
        ("http://127.0.0.1:80/", ("http", "127.0.0.1", 80)),
        ("ssh://ap1", ("ssh", "ap1", 22)),
        ("https://[fe80::1%eth0]:4433", ("https", "fe80::1%eth0", 4433)),
    ],
)
def test_addresses(text: str, expected: tuple[str, str, int]) -> None:
    scheme, host, port = expected
    assert address(text) == Address(scheme=scheme, host=host, port=port)


@pytest.mark.parametrize("text", ["", "ftp://x", "ap1/ubus", "ap1:0", "ap1:70000", "user@ap1", "a b"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        address(text)


def test_a_fingerprint_as_openssl_prints_it() -> None:
    shown = ":".join(["AB"] * 32)
    assert checked({"tls_fingerprint": shown}).tls_fingerprint == shown
    with pytest.raises(ValueError, match="tls_fingerprint"):
        checked({"tls_fingerprint": "AB:CD"})
    with pytest.raises(ValueError, match="known are"):
        checked({"tls_finger": shown})


def test_who_it_is() -> None:
    board = of_ssh("ubus-core.json", "ubus call system board")
    device = of_ssh("ubus-core.json", 'ubus call network.device status \'{"name":"phy0-ap0"}\'')
    found = identity(board, {"phy0-ap0": device})
    assert (found.vendor, found.name, found.mac) == ("lab", "OpenWrt", "02:00:00:00:00:00")
    assert found.version == "lab 24.10-SNAPSHOT"


def test_the_bridges_mac_is_the_aps_own() -> None:
    devices = {"lo": {"macaddr": "00:00:00:00:00:00"}, "br-lan": {"macaddr": "02:AA:00:00:00:01"}}
    assert identity({}, devices).mac == "02:aa:00:00:00:01"
    assert identity({}, {}).text == "OpenWrt AP"

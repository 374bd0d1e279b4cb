"""Which radio of the inventory is which on the device."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from drivers.base import DeviceContext
from drivers.snmp.match import Matched, matched
from drivers.snmp.matcher import Matcher
from drivers.snmp.parse_answer import Row
from drivers.snmp.parse_radio import Located
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, RadioKey

AP1, AP2 = "02:00:00:00:10:10", "02:00:00:00:10:20"


def located(ap: str | None, name: str, band: Band | None, ap_name: str | None = None) -> Located:
    row = Row(table="radio", suffix=f"{ap}.{name}", parts={})
    return Located(row=row, name=name, ap_mac=ap, ap_name=ap_name, band=band)


CONTROLLER = (
    located(AP1, "0", Band.GHZ_2_4, "hall"),
    located(AP1, "1", Band.GHZ_5, "hall"),
    located(AP2, "0", Band.GHZ_2_4, "yard"),
    located(AP2, "1", Band.GHZ_5, "yard"),
    located(AP2, "2", Band.GHZ_5, "yard"),
)
ALONE = (located(None, "wifi0", None), located(None, "wifi1", None))


def found(
    match: dict[str, str], radio: Radio, there: Sequence[Located] = CONTROLLER, ap: str = "ap1"
) -> str | None:
    """AP and name of what the radio is on the device."""
    one = matched([AccessPoint(id=ap, device="d", match=match)], [radio], there).radios.get(radio.key)
    return None if one is None else one.row.suffix


def radio(band: Band, ifname: str | None = None, ap: str = "ap1") -> Radio:
    return Radio(key=RadioKey(f"site/{ap}/r"), band=band, ifname=ifname)


@pytest.mark.parametrize("mac", [AP1, AP1.upper(), "02-00-00-00-10-10", "0200.0000.1010"])
def test_an_ap_by_its_mac(mac: str) -> None:
    assert found({"mac": mac}, radio(Band.GHZ_5)) == f"{AP1}.1"


def test_an_ap_by_its_name_or_by_its_id_as_a_name() -> None:
    assert found({"name": "hall"}, radio(Band.GHZ_2_4)) == f"{AP1}.0"
    assert found({"name": "HALL"}, radio(Band.GHZ_2_4)) == f"{AP1}.0"
    assert found({"mac": AP1, "name": "Hall"}, radio(Band.GHZ_2_4)) == f"{AP1}.0"
    assert found({}, radio(Band.GHZ_2_4, ap="yard"), ap="yard") == f"{AP2}.0"


def test_a_device_that_is_one_ap_needs_no_match() -> None:
    assert found({}, radio(Band.GHZ_5, "wifi1"), ALONE) == "None.wifi1"


def test_two_radios_of_a_band_are_told_apart_by_name_only() -> None:
    assert found({"mac": AP2}, radio(Band.GHZ_5)) is None
    assert found({"mac": AP2}, radio(Band.GHZ_5, "2")) == f"{AP2}.2"


@pytest.mark.parametrize(
    ("match", "wanted"),
    [
        ({"mac": "02:00:00:00:10:99"}, radio(Band.GHZ_5)),
        ({"mac": "no MAC"}, radio(Band.GHZ_5)),
        ({"name": "roof"}, radio(Band.GHZ_5)),
        ({"mac": AP1, "name": "yard"}, radio(Band.GHZ_5)),
        ({}, radio(Band.GHZ_5)),  # of which AP?
        ({"mac": AP1}, radio(Band.GHZ_6)),
        ({"mac": AP1}, radio(Band.GHZ_5, "0")),  # that one is a 2.4 GHz radio
        ({"mac": AP1}, radio(Band.GHZ_5, "3")),
    ],
)
def test_what_is_not_there_is_nothing_else(match: dict[str, str], wanted: Radio) -> None:
    assert found(match, wanted) is None


def test_without_a_name_a_radio_whose_band_nobody_tells_is_not_guessed() -> None:
    assert found({}, radio(Band.GHZ_5), ALONE) is None


def both(matches: dict[str, dict[str, str]], there: Sequence[Located] = CONTROLLER) -> Matched:
    aps = [AccessPoint(id=id, device="d", match=match) for id, match in matches.items()]
    return matched(aps, [radio(Band.GHZ_2_4, ap=id) for id in matches], there)


def test_one_radio_is_not_two_of_the_inventory() -> None:
    """An AP that two of the site file claim is the first one's, and the other one is said to be none."""
    found = both({"ap1": {"name": "hall"}, "ap2": {"mac": AP1}})
    assert {key: one.ap_mac for key, one in found.radios.items()} == {"site/ap1/r": AP1}
    assert found.doubts == {"site/ap2/r": "it would be the same radio as site/ap1/r"}


def test_an_ap_that_is_the_only_one_there_is_not_each_of_the_inventory() -> None:
    found = both({"hall": {}, "yard": {}}, CONTROLLER[2:])
    assert {key: one.ap_mac for key, one in found.radios.items()} == {"site/yard/r": AP2}
    assert not found.doubts


def test_of_two_aps_of_one_name_neither_is_guessed() -> None:
    there = [located(AP1, "0", Band.GHZ_2_4, "hall"), located(AP2, "1", Band.GHZ_5, "Hall")]
    found = both({"ap1": {"name": "hall"}, "ap2": {"mac": AP1}}, there)
    assert {key: one.ap_mac for key, one in found.radios.items()} == {"site/ap2/r": AP1}
    assert found.doubts == {"site/ap1": "several APs are called hall: match one by its mac"}


def test_a_doubt_is_logged_once() -> None:
    config = DeviceConfig(id="wlc", driver="snmp", address="192.0.2.1")
    ap = AccessPoint(id="hall", device="wlc", radios=(radio(Band.GHZ_5, ap="hall"),))
    match = Matcher(DeviceContext(config=config, radios=ap.radios, aps=(ap,), secret=None, clock=lambda: 0.0))
    twins = [located(AP1, "1", Band.GHZ_5, "hall"), located(AP2, "1", Band.GHZ_5, "hall")]
    with capture_logs() as logs:
        assert [match(there) for there in (twins, twins)] == [{}, {}]
        assert list(match(twins[:1])) == ["site/hall/r"]
        match(twins)
    assert [(each["event"], each["what"]) for each in logs] == [("radio.not_matched", "site/hall")] * 2

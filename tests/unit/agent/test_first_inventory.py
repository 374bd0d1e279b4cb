"""A starting site file: whatever devices call themselves, it is one that the loader reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.first_inventory import Place, first_inventory
from drivers.snmp.heard import Heard
from drivers.transport.ssh_target import parse_address
from drivers.types import Capabilities, DeviceInfo, FoundAp, FoundRadio, Table
from inventory.model import Band, Mode, Site
from inventory.site_words import read_site

PLACE = Place(site="discovered", country="NO", timezone="Europe/Oslo", credential="cred:wlc")
BANDS = (FoundRadio(name="0", band=Band.GHZ_2_4), FoundRadio(name="1", band=Band.GHZ_5))


def heard(address: str = "192.0.2.1", name: str = "wlc", profile: str | None = "airespace") -> Heard:
    return Heard(
        address=address, sys_object_id="1.3.6.1.4.1.9.1", sys_descr="x\ny", sys_name=name, profile=profile
    )


def info(*found: FoundAp, model: str = "C9800") -> DeviceInfo:
    return DeviceInfo(
        vendor="Cisco",
        model=model,
        version="17.9",
        identity="serial 1",
        radios={},
        capabilities=Capabilities(tables=frozenset({Table.STATUS}), settings={}),
        found=found,
    )


def ap(number: int, **more: Any) -> FoundAp:
    values: dict[str, Any] = {"mac": f"02:00:00:00:00:{number:02x}", "name": f"AP {number}", "radios": BANDS}
    return FoundAp(**{**values, **more})


def loaded(text: str | None) -> Site:
    assert text is not None

    def schema(options: Mapping[str, Any]) -> Mapping[str, Any]:
        return options

    return read_site(text.encode(), "discovered.yaml", {"snmp": schema})


def written(
    known: Iterable[tuple[Heard, DeviceInfo]], unknown: Iterable[Heard] = (), place: Place = PLACE
) -> str:
    text = first_inventory(known, unknown, ("254 asked",), place)
    assert text is not None
    return text


def test_a_controller_and_its_aps() -> None:
    site = loaded(written([(heard(), info(ap(1), ap(2)))]))
    assert (site.id, site.country, site.policy.mode) == ("discovered", "NO", Mode.OBSERVE)
    (device,) = site.devices.values()
    assert (device.id, device.driver, device.address) == ("wlc", "snmp", "192.0.2.1")
    assert (device.credential, dict(device.options)) == ("cred:wlc", {"profile": "airespace"})
    assert {ap.id: (ap.device, dict(ap.match)) for ap in site.aps.values()} == {
        "ap-1": ("wlc", {"mac": "02:00:00:00:00:01"}),
        "ap-2": ("wlc", {"mac": "02:00:00:00:00:02"}),
    }
    assert [(radio.key, radio.ifname) for radio in site.aps["ap-1"].radios] == [
        ("discovered/ap-1/r2", "0"),
        ("discovered/ap-1/r5", "1"),
    ]


def test_an_ap_that_answers_for_itself_is_its_own_device() -> None:
    pairs = [(heard(f"2001:db8::{n}", "hall"), info(ap(n, name=None))) for n in (1, 2)]
    place = Place(site="s", country="NO", timezone="UTC", credential="cred:x", port=1161)
    site = loaded(written(pairs, place=place))
    assert {ap.id: dict(ap.match) for ap in site.aps.values()} == {"hall": {}, "hall-2": {}}
    assert [each.address for each in site.devices.values()] == ["[2001:db8::1]:1161", "[2001:db8::2]:1161"]


def test_an_address_is_one_that_a_driver_reads() -> None:
    for address, expected in (("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "[2001:db8::1]")):
        (device,) = loaded(written([(heard(address), info(ap(1)))])).devices.values()
        assert device.address == expected
        assert parse_address(device.address, 161) == (address, 161)


def test_what_cannot_be_written_stands_there_as_a_comment() -> None:
    odd = ap(3, radios=(*BANDS, FoundRadio(name="10")))
    text = written([(heard(), info(ap(1), ap(1), odd, ap(4, radios=()), ap(5, mac=None, name=None)))])
    assert set(loaded(text).aps) == {"ap-1", "ap-3"}
    twice = ap(6, radios=(FoundRadio(name="0", band=Band.GHZ_5), *BANDS))
    radios = loaded(written([(heard(), info(ap(1), twice))])).aps["ap-6"].radios
    assert [(radio.key, radio.ifname) for radio in radios] == [
        ("discovered/ap-6/r2", None),
        ("discovered/ap-6/r5", "1"),
    ]
    for said in ("# radio 10: its band", "AP 4: tells of no radio", "AP 1: neither a MAC nor"):
        assert said in text


def test_what_nobody_knows_is_listed_with_its_sys_object_id() -> None:
    text = written([(heard(), info(ap(1), ap(2)))], [heard("192.0.2.9", profile=None)])
    loaded(text)
    assert "#   192.0.2.9  1.3.6.1.4.1.9.1  x y" in text
    assert text.startswith("# 254 asked\n")


def test_nothing_to_write_is_none() -> None:
    assert first_inventory([], [heard(profile=None)], (), PLACE) is None
    assert first_inventory([(heard(), info(ap(1, radios=())))], [], (), PLACE) is None


words = st.none() | st.text(max_size=40)
radios = st.lists(
    st.builds(FoundRadio, name=st.text(max_size=20), band=st.none() | st.sampled_from(Band)), max_size=4
)
aps = st.builds(
    FoundAp,
    mac=st.none() | st.sampled_from(["02:00:00:00:00:01", "02:00:00:00:00:02", "no mac"]),
    name=words,
    model=words,
    radios=radios.map(tuple),
)


@settings(deadline=None)  # the first one reads the regulatory table
@example([("NULL", [ap(1, name="null"), ap(2, name="Yes")], ""), ("on", [ap(3, name="~")], "")])
@given(st.lists(st.tuples(st.text(max_size=40), st.lists(aps, max_size=4), st.text(max_size=20)), max_size=4))
def test_whatever_devices_call_themselves_the_loader_reads_it(found: Any) -> None:
    pairs = [
        (heard(f"192.0.2.{n}", name), info(*aps, model=model)) for n, (name, aps, model) in enumerate(found)
    ]
    text = first_inventory(pairs, [heard(name="\0", profile=None)], ("said\nso",), PLACE)
    if text is not None:
        loaded(text)

"""10,000 malformed replies, notifications and hellos for each NETCONF parser of both models."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contract.reading import wrong_numbers
from fuzzing import NUMBERS, TIMES, feed, leafs, text_of

from drivers.errors import DriverError, Garbage
from drivers.netconf import parse_xml
from drivers.netconf.cisco import parse as cisco
from drivers.netconf.cisco import parse_event, parse_rrm
from drivers.netconf.cisco import reading as cisco_reading
from drivers.netconf.openconfig import parse as openconfig
from drivers.netconf.openconfig import reading
from drivers.netconf.parse_hello import Offers, offers
from drivers.netconf.parse_reply import data, reply
from drivers.types import RadioReading, Table
from inventory.model import Band, radio_key

RECORDINGS = Path(__file__).parents[1] / "contract" / "recordings" / "netconf"
KEY = radio_key("north", "ap1", "r5")
ALL = frozenset(Table)
LEAF = re.compile(r"<([\w-]+)>([^<>\n]+)</\1>")
HOSTILE = (
    *NUMBERS,
    *("true", "&#x10FFFF;", "1970-01-01", "<a/>", "<!-- -->", "<![CDATA[36]]>", "&lt;", "&b;", "]]>", "36 "),
    *("-", "x" * 300),
)


def recording(name: str) -> str:
    """Without what makes it long and is read nowhere: 10,000 of them must not take a minute."""
    return re.sub(r">\s+<", "><", (RECORDINGS / name).read_text())


def xml_of(*originals: str) -> Callable[[random.Random], str]:
    """Half of them well formed: values that should not be there, and leafs that are gone."""
    broken = text_of(*originals)
    places = {text: [(each.span(0), each.span(2)) for each in LEAF.finditer(text)] for text in originals}

    def make(dice: random.Random) -> str:
        if dice.random() < 0.4:
            return broken(dice)
        text = dice.choice(originals)
        for whole, inner in sorted(dice.sample(places[text], dice.randint(1, 4)), reverse=True):
            gone = dice.random() < 0.2
            start, end = whole if gone else inner
            text = text[:start] + ("" if gone else dice.choice(HOSTILE)) + text[end:]
        return text

    return make


def few_radios(text: str) -> str:
    """With the first two of a controller alone."""
    parts = re.split(r"(<radio-oper-data>.*?</radio-oper-data>)", text)
    return "".join(part for at, part in enumerate(parts) if at % 2 == 0 or at < 4)


def openconfig_readings(text: str) -> Iterator[RadioReading]:
    for ap in openconfig.access_points(data(reply(text))):
        for radio in ap.radios:
            yield reading.reading(KEY, radio.band or Band.GHZ_5, ap, radio, ALL, 1.0, owns=True)
            reading.radar_mhz(radio, radio)


def cisco_readings(text: str) -> Iterator[RadioReading]:
    there = data(reply(text))
    answers = cisco_reading.Answers(
        radios=cisco.radios(there),
        totals=cisco.totals(there),
        loads=parse_rrm.loads(there),
        neighbors=parse_rrm.neighbors(there),
    )
    cisco.aps(there)
    for radio in answers.radios.values():
        yield cisco_reading.reading(KEY, radio.band or Band.GHZ_5, radio, answers, ALL, 1.0, owns=True)


@pytest.mark.parametrize(
    ("name", "readings"),
    [("openconfig.ap.xml", openconfig_readings), ("cisco.c9800.xml", cisco_readings)],
    ids=["openconfig", "cisco"],
)
def test_a_reply_that_no_device_gives(name: str, readings: Callable[[str], Iterator[RadioReading]]) -> None:
    def check(text: str, said: list[RadioReading]) -> None:
        for each in said:
            assert list(wrong_numbers(each)) == []
            if each.channel is not None:
                assert f"{each.channel.value}<" in text or "&#" in text or _mhz(text, each.channel.value)

    def read(text: str) -> list[RadioReading]:
        return list(readings(text))

    assert feed(xml_of(few_radios(recording(name))), read, check, refusals=DriverError) > TIMES / 4


def _mhz(text: str, channel: int) -> bool:
    """A C9800 may tell MHz in the place of a channel's number; and a value may be in a section of its own."""
    return any(str(base + 5 * channel) in text for base in (2407, 5000, 5950)) or f"[{channel}]" in text


AP = "<wtp-mac>00:11:22:33:44:00</wtp-mac><radio-slot-id>1</radio-slot-id>"
HEARD = (
    '<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><data><rrm-oper-data>'
    f"<ap-dot11-radar-data>{AP}<radar-info><radar-info><channel-number>52</channel-number>"
    "<radar-detected-timestamp>2026-11-26T18:03:11+00:00</radar-detected-timestamp></radar-info></radar-info>"
    "</ap-dot11-radar-data><spectrum-device-table><device-id>02:00:00:00:00:07</device-id><idr-data>"
    "<detecting-ap-mac>00:11:22:33:44:00</detecting-ap-mac><class-type-enum>pmac-dev-id-jam</class-type-enum>"
    "<affected-channel-list>36,40,44</affected-channel-list><is-persistent>true</is-persistent>"
    "<util>31</util></idr-data></spectrum-device-table></rrm-oper-data></data></rpc-reply>"
)


@pytest.mark.parametrize("parser", [parse_rrm.radar, parse_rrm.interferers], ids=["radar", "interferers"])
def test_what_no_controller_hears(parser: Callable[[Any], Any]) -> None:
    def check(text: str, said: Any) -> None:
        for name, value in leafs(said):
            if name in ("channel", "channels"):
                assert 1 <= value <= 233
            if name == "duty_ratio":
                assert 0 <= value <= 1

    def read(text: str) -> Any:
        return parser(data(reply(text)))

    assert parser(data(reply(HEARD)))
    assert feed(xml_of(HEARD), read, check, refusals=DriverError) > 1000


@pytest.mark.parametrize("name", ["cisco.rogue-events.xml", "cisco.client-deleted.xml"])
def test_a_notification_that_no_controller_sends(name: str) -> None:
    feed(xml_of(recording(name)), parse_event.event)


def test_an_error_that_no_server_gives() -> None:
    """Never taken for an ok, unless the error itself is gone or only warns."""

    def check(text: str, root: object) -> None:
        assert root is not None

    feed(xml_of(recording("netconfd.lock-denied.xml")), reply, check, refusals=DriverError)


HELLO = (
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
    "urn:ietf:params:netconf:capability:writable-running:1.0?x=1",
    "http://openconfig.net/yang/access-points?module=openconfig-access-points&revision=2023-07-06",
)


def test_a_hello_that_no_server_says() -> None:
    """A capability is told only by the words for it; a module by its name."""
    text = text_of("\n".join(HELLO))

    def check(hello: str, told: Offers) -> None:
        assert not told.candidate or "candidate:1.0" in hello
        assert not told.persist or "confirmed-commit:1.1" in hello
        assert all(f"module={module}" in hello for module in told.modules)

    assert feed(text, lambda hello: offers(hello.split("\n")), check) == TIMES


LEAFS = "<a><n>36</n><d>12.5</d><i>x:IDENTITY</i><m>02-00-00-00-00-01</m><b>true</b><c><n>7</n></c></a>"


def test_xml_that_nobody_writes() -> None:
    def read(text: str) -> tuple[Any, ...]:
        root = parse_xml.tree(text)
        return (
            parse_xml.integer(root, "n", least=1, most=233),
            parse_xml.percent(root, "d"),
            parse_xml.identity(root, "i"),
            parse_xml.mac(root, "m"),
            parse_xml.boolean(root, "b"),
            parse_xml.counter(root, "c", "n"),
        )

    def check(text: str, said: tuple[Any, ...]) -> None:
        number, ratio, _, mac, flag, counter = said
        assert number is None or 1 <= number <= 233
        assert ratio is None or 0 <= ratio <= 1
        assert mac is None or len(mac) == 17
        assert flag in (None, True, False)
        assert counter is None or 0 <= counter < 2**64

    assert feed(xml_of(LEAFS), read, check) > 1000


@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>',
        "<a>" * 5000 + "</a>" * 5000,
        "<a" + " b='1'" * 2 + "/>",
        "\ud800<a/>",
        "<a>\x00</a>",
    ],
    ids=["entities", "deep", "twice", "surrogate", "nul"],
)
def test_what_is_meant_to_harm(bomb: str) -> None:
    with pytest.raises(Garbage):
        parse_xml.tree(bomb)

"""10,000 malformed answers for each parser: no other error than Garbage and the device's own, and no number
that no radio has. Mutations of the recordings, always the same ones."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contract.reading import wrong_numbers

from drivers.errors import DriverError, Garbage
from drivers.netconf.cisco import parse as cisco
from drivers.netconf.cisco import parse_event, parse_rrm
from drivers.netconf.cisco import reading as cisco_reading
from drivers.netconf.openconfig import parse as openconfig
from drivers.netconf.openconfig import reading
from drivers.netconf.parse_hello import offers
from drivers.netconf.parse_reply import data, reply
from drivers.types import RadioReading, Table
from inventory.model import Band, radio_key

RECORDINGS = Path(__file__).parents[1] / "contract" / "recordings" / "netconf"
KEY = radio_key("north", "ap1", "r5")
ALL = frozenset(Table)
TIMES = 10_000
LEAF = re.compile(r">([^<>\n]+)</")
HOSTILE = [
    *(
        "",
        "-1",
        "0",
        "255",
        "256",
        "65535",
        "4294967295",
        "4294967296",
        "18446744073709551616",
        "-128",
        "1e9",
    ),
    *("nan", "inf", "true", "99999999999999999999999", "0x24", "٣٦", "&#x10FFFF;", "x" * 300, "1970-01-01"),
    *("<a/>", "<!-- -->", "<![CDATA[36]]>", "&lt;", "&b;", "]]>", "36 ", "3 6", "-", "5180", "7200"),
    "1e9",
]


def small(text: str) -> str:
    """Without what makes it long and is read nowhere: 10,000 of them must not take a minute."""
    return re.sub(r">\s+<", "><", text)


def mutations(text: str) -> Iterator[str]:
    chance = random.Random(7)  # the same ones each time
    leafs = [found.span(1) for found in LEAF.finditer(text)]
    for number in range(TIMES):
        yield _valued(text, leafs, chance) if number % 2 else _damaged(text, chance)


def _valued(text: str, leafs: list[tuple[int, int]], chance: random.Random) -> str:
    """Well formed, mostly; one to four values that should not be there."""
    for start, end in sorted(chance.sample(leafs, chance.randint(1, 4)), reverse=True):
        text = text[:start] + chance.choice(HOSTILE) + text[end:]
    return text


def _damaged(text: str, chance: random.Random) -> str:
    """Cut off, doubled, or a piece of it gone, turned or replaced."""
    a, b = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    b = min(b, a + chance.choice([1, 5, 60, 2000]))
    return chance.choice(
        [
            text[:a],
            text[:a] + text[b:],
            text[:b] + text[a:],
            text[:a] + text[a:b][::-1] + text[b:],
            text[:a] + chr(chance.randrange(1, 0x300)) + text[b:],
        ]
    )


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
    parse_rrm.radar(there)
    parse_rrm.interferers(there)
    cisco.aps(there)
    cisco.profile(there, "campus-5ghz")
    for radio in answers.radios.values():
        yield cisco_reading.reading(KEY, radio.band or Band.GHZ_5, radio, answers, ALL, 1.0, owns=True)


@pytest.mark.parametrize(
    ("name", "readings"),
    [("openconfig.ap.xml", openconfig_readings), ("cisco.c9800.xml", cisco_readings)],
    ids=["openconfig", "cisco"],
)
def test_no_malformed_answer_crashes_a_parser_or_makes_a_number_up(
    name: str, readings: Callable[[str], Iterator[RadioReading]]
) -> None:
    read = 0
    for text in mutations(small((RECORDINGS / name).read_text())):
        try:
            for said in readings(text):
                assert list(wrong_numbers(said)) == [], text
                read += 1
        except DriverError:
            continue
    assert read > TIMES / 4  # many of them could be read: the numbers were looked at


@pytest.mark.parametrize("name", ["cisco.rogue-events.xml", "cisco.client-deleted.xml"])
def test_no_malformed_notification_crashes(name: str) -> None:
    for text in mutations(small((RECORDINGS / name).read_text())):
        try:
            parse_event.event(text)
        except Garbage:
            continue


def test_no_malformed_error_or_hello_crashes() -> None:
    text = (RECORDINGS / "netconfd.lock-denied.xml").read_text()
    for mutated in mutations(small(text)):
        offers([mutated, f"urn:ietf:params:netconf:capability:{mutated[:40]}"])
        try:
            reply(mutated)
        except DriverError:
            continue

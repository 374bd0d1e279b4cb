"""Recordings as people send them: `.snmprec`, and what snmpwalk prints."""

from __future__ import annotations

import pytest

from drivers.errors import Garbage
from drivers.notifications import Value
from drivers.snmp.parse_recording import parse


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("1.3.6.1|2|-95", -95),
        ("1.3.6.1|65|4294967295", 2**32 - 1),
        ("1.3.6.1|70|18446744073709551615", 2**64 - 1),
        ("1.3.6.1|67|8640000", 8640000),
        ("1.3.6.1|4|Cisco | Controller", b"Cisco | Controller"),
        ("1.3.6.1|4|", b""),
        ("1.3.6.1|4x|70F096867040", b"\x70\xf0\x96\x86\x70\x40"),
        ("1.3.6.1|6|.1.3.6.1.4.1.9", "1.3.6.1.4.1.9"),
        ("1.3.6.1|64|192.0.2.1", "192.0.2.1"),
        ("1.3.6.1|64x|C0000201", "192.0.2.1"),
        ("1.3.6.1|4:numeric|x", b"x"),
    ],
)
def test_snmprec(line: str, value: Value) -> None:
    assert parse(line).values == {"1.3.6.1": value}


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("INTEGER: 5", 5),
        ("INTEGER: up(1)", 1),
        ("INTEGER: -95 dBm", -95),
        ("Gauge32: 12", 12),
        ("Counter32: 4294967295", 2**32 - 1),
        ("Counter64: 18446744073709551615", 2**64 - 1),
        ("Timeticks: (8640000) 1 day, 0:00:00.00", 8640000),
        ('STRING: "Cisco Controller"', b"Cisco Controller"),
        ('STRING: "say \\"hi\\""', b'say "hi"'),
        ('STRING: "two\nlines"', b"two\nlines"),
        ("STRING: 0:1a:2b:3:4:5", b"0:1a:2b:3:4:5"),
        ('""', b""),
        ('STRING: ""', b""),
        ("Hex-STRING: 70 F0 96 86 70 40 ", b"\x70\xf0\x96\x86\x70\x40"),
        ("Hex-STRING: 70 F0 96 \n86 70 40 ", b"\x70\xf0\x96\x86\x70\x40"),
        ("BITS: 80 00 ", b"\x80\x00"),
        ("OID: .1.3.6.1.4.1.9", "1.3.6.1.4.1.9"),
        ("IpAddress: 192.0.2.1", "192.0.2.1"),
        ("Network Address: C0:00:02:01", "192.0.2.1"),
        ("Wrong Type (should be INTEGER): Gauge32: 7", 7),
    ],
)
def test_snmpwalk(printed: str, value: Value) -> None:
    text = f".1.3.6.1.1 = {printed}\n.1.3.6.1.2 = INTEGER: 2\n"
    assert parse(text).values == {"1.3.6.1.1": value, "1.3.6.1.2": 2}


def test_the_beginning_of_an_oid_may_have_a_name() -> None:
    assert parse("iso.3.6.1.2.1 = INTEGER: 1").values == {"1.3.6.1.2.1": 1}


def test_what_the_device_does_not_have_is_not_there() -> None:
    text = (
        ".1.3.1 = No Such Object available on this agent at this OID\n.1.3.2 = NULL\n.1.3.3 = INTEGER: 1\n"
        ".1.3.4 = No more variables left in this MIB View (It is past the end of the MIB tree)\n"
    )
    assert parse(text).values == {"1.3.3": 1}
    assert parse("1.3.1|5|\n1.3.2|129|\n1.3.3|2|1").values == {"1.3.3": 1}


@pytest.mark.parametrize("text", ["1.3.1|2|1\n", ".1.3.1 = INTEGER: 1\n"])
def test_a_mark_of_utf_8_at_the_beginning_is_no_part_of_it(text: str) -> None:
    assert parse(f"\ufeff{text}").values == {"1.3.1": 1}


def test_noise_around_a_walk_is_counted() -> None:
    text = "$ snmpwalk -On wlc .1\n.1.3.1 = INTEGER: 1\n\nTimeout: No Response from wlc\n"
    found = parse(text)
    assert (found.values, found.skipped) == ({"1.3.1": 1}, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.3.1|2|1\nrubbish\n", "line 2: OID"),
        ("1.3.1|2|one", "line 1: 'one' is no value of type 2"),
        ("1.3.1|4x|7", "line 1: '7' is no value of type 4x"),
        ("1.3.1|99|7", "line 1"),
        (".1.3.1 = INTEGER: 1\n.1.3.2 = Gauge32: many\n", "line 2: 1.3.2"),
        ("IF-MIB::ifDescr.1 = STRING: eth0", "snmpwalk -On"),
        (".1.3.1 = INTEGER: 1\n.1.3.2 = 123456\n", "line 2: 1.3.2: a number without a type: walk with"),
        (".1.3.1 = INTEGER: 1\n.1.3.2 = 123456\n", "without t"),
        (".1.3.1 = Linux: a box\n.1.3.2 = 123456\n", "can't read"),
        (".1.3.1 = A box\n.1.3.2 = 123456\n", "without Q"),
        (".1.3.1 A box\n.1.3.2 123456\n", "without q"),
        ("hello", "neither"),
        ("", "neither"),
    ],
)
def test_what_is_no_recording(text: str, said: str) -> None:
    with pytest.raises(Garbage) as refusal:
        parse(text)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith("line ")

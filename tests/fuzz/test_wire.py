"""10,000 malformed datagrams for each reader of octets: SNMP answers, traps, and NETCONF's framing."""

from __future__ import annotations

import random
from collections.abc import Mapping

from fuzzing import TIMES, feed, octets_of
from integration import ber as written
from integration.test_traps_vendors import encoded
from trap_cases_cisco import CISCO
from traps_rig import BOOTS, COMMUNITY, OURS, USER, pdu, sender, v1, v2c, v3

from drivers.errors import Garbage
from drivers.transport import ber, snmp_message, traps_message
from drivers.transport.ber import Malformed
from drivers.transport.netconf_framing import Framing, framed
from drivers.transport.snmp_message import Answer, Head
from drivers.transport.traps_check import Accepted, Doorkeeper, Refused
from drivers.transport.traps_message import AUTH, PRIV, REPORTABLE, UserMessage
from drivers.transport.traps_queue import Subscription
from drivers.transport.traps_usm import Engine, Window

VALUES: Mapping[str, written.Typed] = {
    "1.3.6.1.2.1.1.5.0": (written.OCTETS, b"ap1"),
    "1.3.6.1.2.1.1.2.0": (written.OID, "1.3.6.1.4.1.9"),
    "1.3.6.1.2.1.1.3.0": (written.TICKS, 4711),
    "1.3.6.1.4.1.9.1": (written.ADDRESS, "192.0.2.1"),
    "1.3.6.1.4.1.9.2": (written.COUNTER64, 2**63),
    "1.3.6.1.4.1.9.3": (written.INTEGER, -80),
}
WIRE_CACHES = (snmp_message._dotted, snmp_message.order, ber.oid)


def _message() -> bytes:
    """A Response with a value of each type."""
    rows = b"".join(
        written.tlv(written.SEQUENCE, written.oid(oid) + written.value(value))
        for oid, value in VALUES.items()
    )
    head = written.integer(7) + written.integer(0) + written.integer(0)
    body = written.tlv(0xA2, head + written.tlv(written.SEQUENCE, rows))
    community = written.tlv(written.OCTETS, b"public")
    return written.tlv(written.SEQUENCE, written.integer(1) + community + body)


def test_an_answer_that_no_agent_sends() -> None:
    """What it says in octets stands in the datagram; a number has as many octets as there were."""

    def check(data: bytes, told: tuple[Head, Answer]) -> None:
        head, answer = told
        assert data[0] == written.SEQUENCE
        assert head.stop == len(data), "octets behind the message"
        assert head.community in data
        assert len(answer.varbinds) <= len(data) // 7
        for oid, value in answer.varbinds:
            assert oid.count(".") < 128
            assert all(0 <= int(each) <= ber.ARC_MOST for each in oid.split(".")), oid
            if isinstance(value, bytes):
                assert value in data
            elif isinstance(value, int):
                assert -(2**63) <= value < 2**64

    def read(data: bytes) -> tuple[Head, Answer]:
        head = snmp_message.read_head(data)
        return head, snmp_message.read_answer(head)

    assert feed(octets_of(_message()), read, check, refusals=Malformed, caches=WIRE_CACHES) > 500


UNSIGNED = v3(pdu(), flags=0)
SENT_S = 1000.0
TRAPS = (
    *(
        v2c(pdu()),
        v2c(pdu(inform=True)),
        v1("1.3.6.1.4.1.14179.2.6.3", 6, 81),
        v3(pdu()),
        v3(pdu(), flags=AUTH),
    ),
    *(UNSIGNED, v3(pdu(inform=True), flags=AUTH | PRIV | REPORTABLE, engine_id=OURS)),
    *(v2c(encoded(case)) for case in CISCO[:20]),
)


def test_a_trap_that_no_device_sends() -> None:
    """From the address of a device that has SNMPv3, nothing malformed is taken for proven. Only its
    proof tells: it is in time, and was not heard before."""
    expected = [Subscription(sender(login), Window()) for login in (COMMUNITY, USER)]
    keeper = Doorkeeper(Engine(OURS, BOOTS, 0.0))
    refused = 0

    def knock(data: bytes) -> Accepted | Refused:
        nonlocal refused
        for each in expected:
            each.window = Window()
        found = keeper.check(data, SENT_S, expected)
        refused += isinstance(found, Refused)
        return found

    def check(data: bytes, found: Accepted | Refused) -> None:
        assert not isinstance(found, Accepted) or not found.authenticated, data.hex()

    for data in TRAPS:
        whole, message = knock(data), traps_message.envelope(data)
        assert isinstance(whole, Accepted) == (data != UNSIGNED), data.hex()
        if isinstance(whole, Accepted):
            assert whole.authenticated == isinstance(message, UserMessage)
    assert feed(octets_of(*TRAPS), knock, check, refusals=Malformed, caches=WIRE_CACHES) < TIMES / 2
    assert refused > 100


def test_a_notification_that_no_device_sends() -> None:
    """Behind the envelope, where a secret is no help."""
    clear = [data for data in TRAPS if traps_message.envelope(data).__class__.__name__ == "CommunityMessage"]

    def read(data: bytes) -> traps_message.Pdu:
        head = traps_message.envelope(data)
        assert not isinstance(head, traps_message.UserMessage) or head.scoped_at <= len(data)
        if isinstance(head, traps_message.UserMessage):
            scoped = traps_message.scoped(data[head.scoped_at :])
            return traps_message.pdu(scoped.octets, scoped.pdu_at, traps_message.V3)
        return traps_message.pdu(data, head.pdu_at, head.version)

    def check(data: bytes, told: traps_message.Pdu) -> None:
        assert "." in told.trap, "a trap without a name"
        assert len(told.varbinds) <= 256
        for value in told.varbinds.values():
            assert not isinstance(value, bytes) or value in data

    assert feed(octets_of(*clear), read, check, refusals=Malformed, caches=WIRE_CACHES) > 500


MESSAGES = ("<rpc-reply><ok/></rpc-reply>", '<hello xmlns="urn:x">ä</hello>', "<a>]]></a>")
STREAMS = {
    chunked: tuple(
        b"".join(framed(each, chunked=chunked) for each in MESSAGES[at:] + MESSAGES[:at]) for at in range(3)
    )
    for chunked in (True, False)
}


def test_a_stream_that_no_netconf_server_sends() -> None:
    """In pieces of any size. What comes out was there, and no chunk is waited for that the limit forbids."""
    makers = {chunked: octets_of(*streams) for chunked, streams in STREAMS.items()}

    def make(dice: random.Random) -> tuple[bool, bytes, int]:
        chunked = dice.random() < 0.7
        return chunked, makers[chunked](dice), dice.choice((1, 3, 7, 40, 1000))

    def read(given: tuple[bool, bytes, int]) -> list[str]:
        chunked, data, size = given
        framing = Framing(limit=10_000)
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        return [message for piece in pieces for message in framing.messages(piece, chunked=chunked)]

    def check(given: tuple[bool, bytes, int], messages: list[str]) -> None:
        assert sum(len(each.encode()) for each in messages) <= len(given[1])
        if not given[0]:
            assert all(message.encode() in given[1] for message in messages)

    assert feed(make, read, check, refusals=Garbage) > 1000

"""An SNMP agent for users (v3) as well as for communities: the responder of the tests, behind the security
that the daemon's own trap engine has."""

from __future__ import annotations

import time
from collections.abc import Sequence

from integration import ber as octets
from integration.ber import Typed

from benchmarks.poll_air import Living
from drivers.transport import ber
from drivers.transport import traps_message as wire
from drivers.transport.traps_message import UserMessage
from drivers.transport.traps_usm import NOT_IN_WINDOW, UNKNOWN_ENGINE, Engine, User, proven, scoped_octets
from inventory.credentials import Secret
from inventory.snmp_login import SnmpLogin

LOGIN = SnmpLogin(user="rrm", auth_password=Secret("auth-password"), priv_password=Secret("priv-password"))
CREDENTIAL = "user: rrm\nauth_password: auth-password\npriv_password: priv-password\n"
"""SHA-256 and AES-128, as the defaults are."""
COMMUNITY = b"public"


class UsmAgent(Living):
    """Answers the user who proves himself, and who knows the community."""

    def __init__(self, values: dict[str, Typed], number: int) -> None:
        super().__init__(values)
        self._engine = Engine(b"\x80\0\0\0\x05ap" + number.to_bytes(4, "big"), 1, time.monotonic())
        self._user = User(LOGIN)

    def answers(self, datagram: bytes) -> Sequence[tuple[float, bytes]]:
        message = wire.envelope(datagram)
        if not isinstance(message, UserMessage):
            return super().answers(datagram)
        now_s, engine = time.monotonic(), self._engine
        if message.engine_id != engine.id:
            return [(0.0, engine.report(UNKNOWN_ENGINE, 1, message, None, now_s))]
        keys = self._user.keys(engine.id)
        if keys is None or message.user != self._user.name or not proven(message, datagram, keys):
            return ()
        if not engine.admits(message, now_s):
            return [(0.0, engine.report(NOT_IN_WINDOW, 1, message, keys, now_s))]
        asked = wire.scoped(scoped_octets(message, datagram, keys))
        pdu = next(whole for _, _, whole in octets.parts(asked.octets[asked.pdu_at :]))
        ((_, right),) = super().answers(_plain(pdu))
        scoped = ber.element(
            ber.SEQUENCE, ber.of_octets(engine.id), ber.of_octets(asked.context), _pdu_of(right)
        )
        return [(0.0, engine.response(scoped, message, keys, now_s))]


def _plain(pdu: bytes) -> bytes:
    """The same request of one who knows the community."""
    return ber.element(ber.SEQUENCE, ber.of_integer(wire.V2C), ber.of_octets(COMMUNITY), pdu)


def _pdu_of(answer: bytes) -> bytes:
    (_, message, _), *_ = octets.parts(answer)
    _, _, (_, _, pdu) = octets.parts(message)
    return pdu

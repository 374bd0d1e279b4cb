"""SNMPv3's user-based security for what arrives: keys, proof, privacy, time window. No I/O, no clock.

RFC 3414 (section 3.2), RFC 3826 (AES), RFC 7860 (SHA-2); AES-192 and -256 as draft-blumenthal-aes-usm-04 has
them. pysnmp keeps one table of users and engines for all targets, so two devices whose users share a name
could not have two passwords, and it takes above 1 ms a trap. Here each sender has his own, and the tests hold
it against pysnmp and net-snmp.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from drivers.transport import ber
from drivers.transport.ber import Malformed
from drivers.transport.traps_message import AUTH, PRIV, REPORT, USM, V3, UserMessage
from inventory.credentials import Secret
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin

WINDOW_S: Final = 150
BOOTS_MOST: Final = 2**31 - 1
UNKNOWN_ENGINE: Final = "1.3.6.1.6.3.15.1.1.4.0"
"""usmStatsUnknownEngineIDs."""
NOT_IN_WINDOW: Final = "1.3.6.1.6.3.15.1.1.2.0"
"""usmStatsNotInTimeWindows."""

_HASHES: Final[Mapping[AuthProtocol, tuple[str, int]]] = MappingProxyType(
    {
        AuthProtocol.MD5: ("md5", 12),
        AuthProtocol.SHA1: ("sha1", 12),
        AuthProtocol.SHA224: ("sha224", 16),
        AuthProtocol.SHA256: ("sha256", 24),
        AuthProtocol.SHA384: ("sha384", 32),
        AuthProtocol.SHA512: ("sha512", 48),
    }
)
"""Hash, and octets of msgAuthenticationParameters."""
_KEY_OCTETS: Final[Mapping[PrivProtocol, int]] = MappingProxyType(
    {PrivProtocol.AES128: 16, PrivProtocol.AES192: 24, PrivProtocol.AES256: 32}
)
_PASSWORD_OCTETS: Final = 1 << 20  # RFC 3414 A.2
_SALT_OCTETS: Final = 8
_SEEN_MOST: Final = 4096
_LARGEST: Final = 65507  # msgMaxSize: what a UDP datagram can hold
_ENGINES_MOST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A user's keys at one engine. ``mac_octets``: length of a proof; ``priv`` None: he has no privacy."""

    hash: str
    mac_octets: int
    auth: bytes
    priv: bytes | None

    def mac(self, data: bytes, at: int) -> bytes:
        """The proof that belongs at ``at`` of this message."""
        blank = data[:at] + bytes(self.mac_octets) + data[at + self.mac_octets :]
        return hmac.digest(self.auth, blank, self.hash)[: self.mac_octets]

    def cipher(self, boots: int, time_s: int, salt: bytes) -> Cipher[CFB]:
        iv = boots.to_bytes(4, "big") + time_s.to_bytes(4, "big") + salt
        assert self.priv is not None  # noqa: S101  # who calls has looked
        return Cipher(AES(self.priv), CFB(iv))


class User:
    """What a login proves itself by. A community has no user, and a user without a password no keys."""

    def __init__(self, login: SnmpLogin) -> None:
        self.name = (login.user or "").encode()
        self._login = login
        self._hash, self._mac_octets = _HASHES[login.auth_protocol]
        self._auth = self._master(login.auth_password)
        self._priv = self._master(login.priv_password)
        self._at: OrderedDict[bytes, Keys] = OrderedDict()

    def keys(self, engine_id: bytes) -> Keys | None:
        """Localised to this engine; None: the user proves nothing."""
        if self._auth is None:
            return None
        if engine_id not in self._at:
            self._at[engine_id] = Keys(
                hash=self._hash,
                mac_octets=self._mac_octets,
                auth=self._localised(self._auth, engine_id),
                priv=self._private(engine_id),
            )
            if len(self._at) > _ENGINES_MOST:
                self._at.popitem(last=False)
        return self._at[engine_id]

    def _master(self, password: Secret | None) -> bytes | None:
        if password is None:
            return None
        text = password.reveal().encode()
        if not text:
            return None
        repeated = text * (_PASSWORD_OCTETS // len(text) + 1)
        return hashlib.new(self._hash, repeated[:_PASSWORD_OCTETS]).digest()

    def _localised(self, master: bytes, engine_id: bytes) -> bytes:
        return hashlib.new(self._hash, master + engine_id + master).digest()

    def _private(self, engine_id: bytes) -> bytes | None:
        if self._priv is None:
            return None
        wanted = _KEY_OCTETS[self._login.priv_protocol]
        key = self._localised(self._priv, engine_id)
        while len(key) < wanted:
            key += hashlib.new(self._hash, key).digest()
        return key[:wanted]


def proven(message: UserMessage, data: bytes, keys: Keys) -> bool:
    """The user's own key made this message as it is. Takes the same time wherever two proofs differ."""
    if len(message.mac) != keys.mac_octets:
        return False
    return hmac.compare_digest(keys.mac(data, message.mac_at), message.mac)


def scoped_octets(message: UserMessage, data: bytes, keys: Keys | None) -> bytes:
    """The scoped PDU in the clear. Raises Malformed; where the user has no privacy, too."""
    if not message.encrypted:
        return data[message.scoped_at :]
    start, end = ber.expect(data, message.scoped_at, len(data), ber.OCTETS)
    if keys is None or keys.priv is None or len(message.salt) != _SALT_OCTETS or end != len(data):
        raise Malformed("privacy that can't be")
    if max(message.boots, message.time_s) > BOOTS_MOST:
        raise Malformed("a time that can't be")
    decryptor = keys.cipher(message.boots, message.time_s, message.salt).decryptor()
    return decryptor.update(data[start:end]) + decryptor.finalize()


class Window:
    """What is known of a sender's clock, and what he said lately (RFC 3414 section 3.2, 7b).

    Until he was heard once, any time of his is believed: what was recorded before cannot be told from new.
    """

    def __init__(self) -> None:
        self._boots = 0
        self._time_s = 0
        self._at_s = 0.0
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def admits(self, boots: int, time_s: int, at_s: float) -> bool:
        """Not older than 150 s; for a proven message only, because it sets the clock."""
        if self._boots == BOOTS_MOST or boots < self._boots or boots > BOOTS_MOST:
            return False
        notional_s = self._time_s + (at_s - self._at_s)
        if boots == self._boots and time_s < notional_s - WINDOW_S:
            return False
        if boots > self._boots or time_s > self._time_s:
            self._boots, self._time_s, self._at_s = boots, time_s, at_s
        return True

    def replayed(self, mac: bytes) -> bool:
        """The same message came before. The last 4,096 are known."""
        if mac in self._seen:
            return True
        self._seen[mac] = None
        if len(self._seen) > _SEEN_MOST:
            self._seen.popitem(last=False)
        return False


class Engine:
    """Ours: informs go to it, so its clock is the one that counts.

    ``boots`` must be larger after each restart; ``started_s``: on the clock that ``at_s`` is on.
    """

    def __init__(self, id: bytes, boots: int, started_s: float) -> None:
        self.id = id
        self.boots = boots
        self._started_s = started_s

    def time_s(self, at_s: float) -> int:
        return max(0, int(at_s - self._started_s))

    def admits(self, message: UserMessage, at_s: float) -> bool:
        return message.boots == self.boots and abs(message.time_s - self.time_s(at_s)) <= WINDOW_S

    def report(self, what: str, count: int, message: UserMessage, keys: Keys | None, at_s: float) -> bytes:
        """Tells the sender our engine id and time, as the answer to a message that had them wrong."""
        varbind = ber.element(ber.SEQUENCE, ber.of_oid(what), ber.of_integer(count, ber.COUNTER32))
        zero = ber.of_integer(0)
        pdu = ber.element(REPORT, zero, zero, zero, ber.element(ber.SEQUENCE, varbind))
        scoped = ber.element(ber.SEQUENCE, ber.of_octets(self.id), ber.of_octets(b""), pdu)
        return self.sealed(scoped, message, AUTH if keys else 0, keys, at_s)

    def response(self, scoped: bytes, message: UserMessage, keys: Keys | None, at_s: float) -> bytes:
        """The answer to an inform, at the level of security at which it came."""
        return self.sealed(scoped, message, message.flags & (AUTH | PRIV), keys, at_s)

    def sealed(
        self, scoped: bytes, message: UserMessage, flags: int, keys: Keys | None, at_s: float
    ) -> bytes:
        """A scoped PDU as a message of this engine, encrypted and signed as ``flags`` say."""
        time_s, salt = self.time_s(at_s), b""
        if flags & PRIV and keys is not None:
            salt = secrets.token_bytes(_SALT_OCTETS)
            encryptor = keys.cipher(self.boots, time_s, salt).encryptor()
            scoped = ber.of_octets(encryptor.update(scoped) + encryptor.finalize())
        blank = bytes(keys.mac_octets) if flags & AUTH and keys is not None else b""
        security = ber.element(
            ber.SEQUENCE,
            ber.of_octets(self.id),
            ber.of_integer(self.boots),
            ber.of_integer(time_s),
            ber.of_octets(message.user),
            ber.of_octets(blank),
            ber.of_octets(salt),
        )
        header = ber.element(
            ber.SEQUENCE,
            ber.of_integer(message.id),
            ber.of_integer(_LARGEST),
            ber.of_octets(bytes((flags,))),
            ber.of_integer(USM),
        )
        whole = ber.element(ber.SEQUENCE, ber.of_integer(V3), header, ber.of_octets(security), scoped)
        if not blank or keys is None:
            return whole
        at = len(whole) - len(scoped) - (2 + len(salt)) - len(blank)
        return whole[:at] + keys.mac(whole, at) + whole[at + len(blank) :]

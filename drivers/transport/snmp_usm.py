"""SNMPv3 by pysnmp, which checks that an answer is authentic. Runs in the worker process alone: it takes 5 ms
of processor for an answer of 60 values.

An engine knows one user and at most SHARE agents: its first contact with an agent takes longer the more it
knows.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.proto import errind, rfc1905
from pysnmp.proto.api import v2c

from drivers.errors import AuthenticationFailed, DeviceTimeout, Garbage, Refused, TryAgain
from drivers.notifications import Oid, Value
from drivers.snmp.session import Assignment, Syntax
from drivers.transport import snmp_walk
from drivers.transport.snmp_message import Answer, order
from drivers.transport.snmp_target import SnmpTarget, resolved
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin

SHARE: Final = 100
DISCOVERIES: Final = 6  # the first attempt, and how often pysnmp asks anew for engine and time
SLACK_S: Final = 5.0

_AUTH: Final = {
    AuthProtocol.MD5: config.USM_AUTH_HMAC96_MD5,
    AuthProtocol.SHA1: config.USM_AUTH_HMAC96_SHA,
    AuthProtocol.SHA224: config.USM_AUTH_HMAC128_SHA224,
    AuthProtocol.SHA256: config.USM_AUTH_HMAC192_SHA256,
    AuthProtocol.SHA384: config.USM_AUTH_HMAC256_SHA384,
    AuthProtocol.SHA512: config.USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {
    PrivProtocol.AES128: config.USM_PRIV_CFB128_AES,
    PrivProtocol.AES192: config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    PrivProtocol.AES256: config.USM_PRIV_CFB256_AES_BLUMENTHAL,
}
_SYNTAXES: Final = {
    Syntax.INTEGER: v2c.Integer32,
    Syntax.UNSIGNED: v2c.Unsigned32,
    Syntax.OCTETS: v2c.OctetString,
}
_UNPROVEN: Final = (
    errind.AuthenticationFailure,
    errind.AuthenticationError,
    errind.WrongDigest,
    errind.UnknownUserName,
    errind.UnsupportedSecurityLevel,
    errind.UnsupportedAuthProtocol,
    errind.UnsupportedPrivProtocol,
    errind.DecryptionError,
)
_OUT_OF_STEP: Final = (errind.UnknownEngineID, errind.NotInTimeWindow, errind.UnknownSecurityName)
_NULL: Final = v2c.Null("")
_ABSENT: Final = (v2c.Null, rfc1905.NoSuchObject, rfc1905.NoSuchInstance, rfc1905.EndOfMibView)

V3: Final = 3  # the message processing model, RFC 3411


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """An agent's entry in an engine: two addresses, of which ``once`` never sends a request twice."""

    engine: _Engine
    address: tuple[str, int]
    patient: str
    once: str


class UsmAgents:
    """All agents of this process."""

    def __init__(self) -> None:
        self._engines: list[_Engine] = []

    def place(self, target: SnmpTarget, family: int, address: tuple[str, int]) -> _Place:
        """In an engine of the same user that has room."""
        for engine in self._engines:
            if engine.takes(target.login, family, address):
                return engine.add(target, address)
        self._engines.append(_Engine(target.login, family))
        return self._engines[-1].add(target, address)

    def forget(self, place: _Place) -> None:
        place.engine.remove(place)
        if not place.engine.places:
            self._engines.remove(place.engine)
            place.engine.close()


class UsmAgent:
    """One agent, asked one thing at a time."""

    def __init__(self, agents: UsmAgents, target: SnmpTarget) -> None:
        self._agents = agents
        self._target = target
        self._turn = asyncio.Lock()
        self._place: _Place | None = None
        self.engine_id: bytes | None = None

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Value]:
        return await snmp_walk.get(self._target.name, self._get, oids)

    async def walk(self, roots: Sequence[Oid], deliver: snmp_walk.Deliver) -> None:
        await snmp_walk.walk(self._target.name, self._bulk, roots, self._target.walk_limits(), deliver)

    async def set(self, values: Sequence[Assignment]) -> None:
        varbinds = [(_name(each.oid), _SYNTAXES[each.syntax](each.value)) for each in values]
        answer = await self._ask(cmdgen.SetCommandGenerator(), varbinds, once=True)
        snmp_walk.check(self._target.name, answer, [each.oid for each in values])

    def close(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            self._agents.forget(place)

    async def _get(self, oids: Sequence[Oid]) -> Answer:
        return await self._ask(cmdgen.GetCommandGenerator(), [(_name(oid), _NULL) for oid in oids])

    async def _bulk(self, oids: Sequence[Oid], rows: int) -> Answer:
        varbinds = [(_name(oid), _NULL) for oid in oids]
        return await self._ask(cmdgen.BulkCommandGeneratorSingleRun(), varbinds, 0, rows)

    async def _ask(
        self, generator: Any, varbinds: Sequence[tuple[Any, Any]], *bulk: int, once: bool = False
    ) -> Answer:
        """An agent that was replaced is unknown to its engine: it gets another, and is asked once more."""
        async with self._turn:
            place = await self._placed()
            heard = await place.engine.ask(self._target, place, generator, varbinds, bulk, once)
            if isinstance(heard.trouble, _OUT_OF_STEP):
                place.engine.stale.add(place.address)
                self.close()
                if not once:
                    place = await self._placed()
                    heard = await place.engine.ask(self._target, place, generator, varbinds, bulk, once)
            self.engine_id = place.engine.engine_ids.get(place.address, self.engine_id)
            return _checked(self._target.name, heard)

    async def _placed(self) -> _Place:
        if self._place is None:
            family, address = await resolved(self._target)
            self._place = self._agents.place(self._target, family, address)
        return self._place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What came of a request. ``trouble``: pysnmp's error indication, or why it dropped an answer where no
    other came. ``unread``: the agent told its engine, and has never answered an encrypted request."""

    trouble: object
    unread: bool
    status: int
    index: int
    varbinds: Sequence[tuple[Any, Any]]


class _Engine:
    """Of pysnmp, with one user."""

    def __init__(self, login: SnmpLogin, family: int) -> None:
        self.places: list[_Place] = []
        self.engine_ids: dict[tuple[str, int], bytes] = {}
        self.stale: set[tuple[str, int]] = set()
        self._login = login
        self._numbers = itertools.count(1)
        self._transport = udp if family == udp.UdpAsyncioTransport.SOCK_FAMILY else udp6
        self._family = family
        self._dropped: dict[tuple[str, int], object] = {}
        self._snmp = SnmpEngine()
        self._snmp.observer.register_observer(
            self._failed, "rfc3412.prepareDataElements:sm-failure", cbCtx=None
        )
        self._snmp.observer.register_observer(
            self._proven, "rfc3412.prepareDataElements:response", cbCtx=None
        )
        _add_user(self._snmp, login)
        carrier = udp.UdpAsyncioTransport if self._transport is udp else udp6.Udp6AsyncioTransport
        config.add_transport(self._snmp, self._transport.DOMAIN_NAME, carrier().open_client_mode())

    def takes(self, login: SnmpLogin, family: int, address: tuple[str, int]) -> bool:
        """An agent that was out of step is not taken back by the engine that knows it wrongly."""
        known = address in self._dropped or address in self.stale
        return self._login == login and self._family == family and len(self.places) < SHARE and not known

    def add(self, target: SnmpTarget, address: tuple[str, int]) -> _Place:
        number = next(self._numbers)
        place = _Place(engine=self, address=address, patient=f"agent{number}", once=f"once{number}")
        for name, retries in ((place.patient, target.retries), (place.once, 0)):
            ticks = round(target.timeout_s * 100)
            config.add_target_address(
                self._snmp, name, self._transport.DOMAIN_NAME, address, "user", ticks, retries
            )
        self._dropped[address] = None
        self.places.append(place)
        return place

    def remove(self, place: _Place) -> None:
        for name in (place.patient, place.once):
            config.delete_target_address(self._snmp, name)
        self.places.remove(place)
        del self._dropped[place.address]
        self.engine_ids.pop(place.address, None)

    def close(self) -> None:
        self._snmp.close_dispatcher()

    async def ask(
        self,
        target: SnmpTarget,
        place: _Place,
        generator: Any,
        varbinds: Sequence[tuple[Any, Any]],
        bulk: Sequence[int],
        once: bool,
    ) -> _Heard:
        """``bulk``: nothing, or non-repeaters and repetitions."""
        heard: asyncio.Future[tuple[object, Any, Any, Any]] = asyncio.get_running_loop().create_future()
        self._dropped[place.address] = None
        name, context = place.once if once else place.patient, target.login.context
        generator.send_varbinds(self._snmp, name, None, context, *bulk, varbinds, _told, heard)
        try:
            async with asyncio.timeout((target.retries + DISCOVERIES) * target.timeout_s + SLACK_S):
                trouble, status, index, values = await heard
        except TimeoutError:
            trouble, status, index, values = errind.requestTimedOut, 0, 0, ()
        if isinstance(trouble, errind.RequestTimedOut):
            trouble = self._dropped.get(place.address) or trouble
        return _Heard(
            trouble=trouble,
            unread=target.login.priv_password is not None and self._is_unread(place.address),
            status=int(status or 0),
            index=int(index or 0),
            varbinds=values or (),
        )

    def _is_unread(self, address: tuple[str, int]) -> bool:
        told = self._snmp.message_processing_subsystems[V3].get_peer_engine_info(
            self._transport.DOMAIN_NAME, address
        )
        return told[0] is not None and address not in self.engine_ids

    def _failed(self, engine: object, point: str, variables: Mapping[str, Any], context: object) -> None:
        """Called for each answer that is not authentic, or of an engine that it does not expect."""
        address = _pair(variables["transportAddress"])
        trouble = variables["statusInformation"].get("errorIndication")
        if address in self._dropped and isinstance(trouble, _UNPROVEN + _OUT_OF_STEP):
            self._dropped[address] = trouble

    def _proven(self, engine: object, point: str, variables: Mapping[str, Any], context: object) -> None:
        address = _pair(variables["transportAddress"])
        if address in self._dropped:
            self.engine_ids[address] = bytes(variables["securityEngineId"])


def _told(
    engine: object,
    handle: object,
    trouble: object,
    status: Any,
    index: Any,
    varbinds: Any,
    heard: asyncio.Future[tuple[object, Any, Any, Any]],
) -> None:
    if not heard.done():
        heard.set_result((trouble, status, index, varbinds))


def _add_user(engine: SnmpEngine, login: SnmpLogin) -> None:
    auth, priv = login.auth_password, login.priv_password
    config.add_v3_user(
        engine,
        login.user,
        _AUTH[login.auth_protocol] if auth else config.USM_AUTH_NONE,
        auth and auth.reveal().encode(),
        _PRIV[login.priv_protocol] if priv else config.USM_PRIV_NONE,
        priv and priv.reveal().encode(),
    )
    level = "authPriv" if priv else "authNoPriv" if auth else "noAuthNoPriv"
    config.add_target_parameters(engine, "user", login.user, level)


def _checked(name: str, heard: _Heard) -> Answer:
    """The answer, or what pysnmp's indication means in our words."""
    if heard.trouble and not isinstance(heard.trouble, errind.EmptyResponse):
        raise _meaning(name, heard)
    varbinds = tuple((".".join(map(str, oid)), _plain(value)) for oid, value in heard.varbinds)
    return Answer(status=heard.status, index=heard.index, varbinds=varbinds)


def _meaning(name: str, heard: _Heard) -> Exception:
    trouble = heard.trouble
    if isinstance(trouble, _UNPROVEN):
        return AuthenticationFailed(f"{name}: SNMPv3: {trouble}")
    if isinstance(trouble, errind.RequestTimedOut) and heard.unread:
        return AuthenticationFailed(
            f"{name}: it answers SNMPv3 discovery and no encrypted request: priv_password or priv_protocol"
            " may be wrong"
        )
    if isinstance(trouble, errind.RequestTimedOut):
        return DeviceTimeout(f"{name}: no SNMPv3 answer")
    if isinstance(trouble, errind.NoSuchContext):
        return Refused(f"{name}: the agent does not know this context")
    if isinstance(trouble, errind.ParseError | errind.DeserializationError | errind.InvalidMsg):
        return Garbage(f"{name}: an answer that can't be read: {trouble}")
    return TryAgain(f"{name}: SNMPv3: {trouble}")


def _plain(value: Any) -> Value | None:
    if isinstance(value, _ABSENT):
        return None
    if isinstance(value, v2c.IpAddress):
        return ".".join(map(str, value.asOctets()))
    if isinstance(value, v2c.ObjectIdentifier):
        return ".".join(map(str, value.asTuple()))
    if isinstance(value, v2c.OctetString | v2c.Opaque):
        return bytes(value.asOctets())
    return int(value)


def _name(oid: Oid) -> Any:
    return v2c.ObjectIdentifier(order(oid))


def _pair(address: Any) -> tuple[str, int]:
    return str(address[0]), int(address[1])

"""The OpenWrt driver: ubus over HTTPS, or the same calls over SSH."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from drivers.base import Device, DeviceContext
from drivers.errors import PersonNeeded, TryAgain, Unsupported
from drivers.openwrt import parse_wireless, standing
from drivers.openwrt.identity import Identity, identity
from drivers.openwrt.options import Address, Options, address, checked
from drivers.openwrt.reader import WIRELESS, Reader
from drivers.openwrt.ubus import Answer, Call, Limits, Ubus
from drivers.openwrt.ubus_http import HttpUbus
from drivers.openwrt.ubus_ssh import SshUbus
from drivers.signals import Signal
from drivers.transport.rest import RestTarget
from drivers.transport.ssh import SshTarget
from drivers.types import (
    ActionRequest,
    Capabilities,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    FoundAp,
    FoundRadio,
    RadioInfo,
    Receipt,
    ScopeRef,
    Snapshot,
    Table,
)
from inventory.channels import widths_mhz
from inventory.credentials import CredentialError, Login, parse_login
from inventory.model import RadioKey

CAPABILITIES: Final = Capabilities(
    tables=frozenset(Table) - {Table.COUNTERS},
    settings=MappingProxyType({}),
    widths_mhz=(20, 40, 80, 160, 320),
)
_BOARD: Final = Call(object="system", method="board")
_NETWORK: Final = Call(object="network.device", method="status")


class OpenWrtDevice:
    """One AP."""

    def __init__(self, context: DeviceContext, options: Options, ubus: Ubus) -> None:
        self._context = context
        self._options = options
        self._ubus = ubus
        self._reader = Reader(
            name=context.config.id, radios=context.radios, ubus=ubus, options=options, clock=context.clock
        )

    async def open(self) -> DeviceInfo:
        proof = await self._ubus.open()
        try:
            board, devices, wireless = await self._ubus.batch((_BOARD, _NETWORK, WIRELESS))
            self._reader.learn(wireless.result())
            await self._reader.read(frozenset({Table.STATUS}), None)
        except BaseException:
            await self._ubus.close()
            raise
        return self._info(proof, identity(_data(board), _data(devices)))

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        return await self._reader.read(tables, radios)

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        found = self._reader.radio(ref)
        return standing.config(await self._reader.base(found.key), ref)

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        raise Unsupported(f"{self._context.config.id} is only read")

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        raise Unsupported(f"{self._context.config.id} is only read")

    async def confirm(self, receipt: Receipt) -> None:
        raise Unsupported(f"{self._context.config.id} is only read")

    async def cancel(self, receipt: Receipt) -> None:
        raise Unsupported(f"{self._context.config.id} is only read")

    async def act(self, request: ActionRequest) -> None:
        raise Unsupported(f"{self._context.config.id} has no {request.action}")

    async def signals(self) -> AsyncIterator[Signal]:
        """Nothing is listened to."""
        return
        yield

    async def close(self) -> None:
        await self._ubus.close()

    def _info(self, proof: str | None, known: Identity) -> DeviceInfo:
        return DeviceInfo(
            vendor=known.vendor,
            model=known.model,
            version=known.version,
            identity=proof or known.text,
            radios={key: self._radio_info(key) for key in self._reader.found},
            capabilities=self._capabilities(),
            found=(self._found_ap(known),),
        )

    def _radio_info(self, key: RadioKey) -> RadioInfo:
        found, base = self._reader.found[key], self._reader.bases.get(key)
        told = base.bss.values() if base is not None else ()
        bssids = tuple(each.bssid for each in told if each.bssid is not None)
        return RadioInfo(key=key, name=found.ifname, band=found.band, bssids=bssids)

    def _found_ap(self, known: Identity) -> FoundAp:
        devices = self._reader.devices
        radios = tuple(
            FoundRadio(name=each.bss[0] if each.bss else each.section, band=each.band) for each in devices
        )
        return FoundAp(mac=known.mac, name=known.name, model=known.model, radios=radios)

    def _capabilities(self) -> Capabilities:
        """What a radio hears of others needs a scan, or what the kernel remembers of one."""
        hears = self._options.scan or self._ubus.is_shell
        return Capabilities(
            tables=CAPABILITIES.tables - (frozenset() if hears else {Table.NEIGHBORS}),
            settings=CAPABILITIES.settings,
            widths_mhz=self._widths(),
            rx_time_trusted=self._options.rx_time_trusted,
        )

    def _widths(self) -> tuple[int, ...]:
        found: set[int] = set()
        for key, base in self._reader.bases.items():
            modes = base.info.htmodes if base.info is not None else ()
            known = {parse_wireless.width_of(mode) for mode in modes}
            found |= {each for each in widths_mhz(self._reader.found[key].band) if each in known}
        return tuple(sorted(found)) or (20,)


def _data(answer: Answer) -> Mapping[str, Any]:
    """Empty where it was not granted; raises what may pass."""
    if isinstance(answer.error, TryAgain):
        raise answer.error
    return answer.data


def _ubus(context: DeviceContext, options: Options, to: Address, login: Login) -> Ubus:
    limits = Limits(
        call_s=options.call_timeout_s, session_s=options.session_timeout_s, log_s=options.log_poll_s
    )
    name = context.config.id
    if to.scheme == "ssh":
        target = SshTarget(
            name=name,
            host=to.host,
            port=to.port,
            login=login,
            fingerprint=options.host_key,
            known_hosts=options.known_hosts,
            connect_timeout_s=options.connect_timeout_s,
        )
        return SshUbus(target, limits, context.clock)
    if to.scheme == "http" and not (options.insecure_http or to.is_loopback):
        raise ValueError("http:// shows the password to the network: use https://, or insecure_http: true")
    pin = options.tls_fingerprint
    rest = RestTarget(
        name=name,
        host=to.host,
        port=to.port,
        tls=to.scheme == "https",
        fingerprint=pin.replace(":", "").lower() if pin is not None else None,
        ca_file=options.ca_file,
        connect_timeout_s=options.connect_timeout_s,
    )
    return HttpUbus(rest, login, limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWrtFamily:
    """The entry point ``openwrt``."""

    name: str = "openwrt"
    summary: str = "OpenWrt access points, over ubus (HTTPS, or SSH)"
    capabilities: Capabilities = CAPABILITIES
    profiles: Mapping[str, Capabilities] = field(default_factory=lambda: MappingProxyType({}))

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return MappingProxyType(checked(options).model_dump(exclude_unset=True))

    def device(self, context: DeviceContext) -> Device:
        """Raises PersonNeeded for a login or an address that cannot be used."""
        try:
            if context.secret is None:
                raise CredentialError("a login is needed: credential: cred:NAME")
            options = checked(context.config.options)
            to = address(context.config.address)
            return OpenWrtDevice(context, options, _ubus(context, options, to, parse_login(context.secret)))
        except (CredentialError, ValueError) as error:
            raise PersonNeeded(f"{context.config.id}: {error}") from error


family = OpenWrtFamily()

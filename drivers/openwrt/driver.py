"""The OpenWrt driver: ubus over HTTPS, or the same calls over SSH."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from drivers.base import Device, DeviceContext
from drivers.errors import Disconnected, Garbage, PersonNeeded, TryAgain, Unsupported
from drivers.openwrt import parse_wireless, plan, spatial_reuse, standing
from drivers.openwrt.identity import Identity, identity
from drivers.openwrt.listening import Listening
from drivers.openwrt.options import Address, Options, address, checked
from drivers.openwrt.plan import Manner, Subject
from drivers.openwrt.reader import WIRELESS, Reader
from drivers.openwrt.rights import Rights, rights, signal_ways
from drivers.openwrt.signals import Heard
from drivers.openwrt.standing import Base
from drivers.openwrt.subject import missing_refuges, subject
from drivers.openwrt.ubus import Answer, Call, Limits, Ubus
from drivers.openwrt.ubus_http import HttpUbus
from drivers.openwrt.ubus_ssh import SshUbus
from drivers.openwrt.writing import Sight, Writing, undo_range_s
from drivers.signals import Signal
from drivers.transport.rest import RestTarget
from drivers.transport.ssh_target import SshTarget
from drivers.types import (
    Action,
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
    Setting,
    Snapshot,
    Table,
)
from inventory.channels import widths_mhz
from inventory.credentials import CredentialError, Login, parse_login
from inventory.model import Band, RadioKey

CAPABILITIES: Final = Capabilities(
    tables=frozenset(Table) - {Table.COUNTERS},
    settings=MappingProxyType(dict.fromkeys(plan.SETTINGS, "radio")),
    widths_mhz=(20, 40, 80, 160, 320),
    undo_timer_s=(10.0, 600.0),
    signals=True,
    signal_ways=("server-sent events of ubus", "system log"),
    actions=frozenset({Action.RESTART, Action.STEER}),
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
        self._inventory = {radio.key: radio for radio in context.radios}
        self._rights: dict[RadioKey, Rights] = {}
        self._mute: set[RadioKey] = set()  # which had no hostapd object when it was opened
        self._configured: dict[RadioKey, Base] = {}
        self._heard = Heard(context.config.id, ())
        sight = Sight(
            config=self.read_config, subject=self._subject, bss=self._bss, own_bssids=self._own_bssids
        )
        self._writing = Writing(context.config.id, ubus, sight, context.clock)

    async def open(self) -> DeviceInfo:
        proof = await self._ubus.open()
        try:
            board, devices, wireless = await self._ubus.batch((_BOARD, _NETWORK, WIRELESS))
            self._reader.learn(wireless.result())
            await self.read(frozenset({Table.STATUS}), None)
            await self._ask_what_may_be_done()
        except BaseException:
            await self._ubus.close()
            raise
        return self._info(proof, identity(_data(board), _data(devices)))

    async def _ask_what_may_be_done(self) -> None:
        """Ways to switch and to write, of each radio, and whose events are listened to."""
        uc = await self._ubus.methods("hostapd")
        self._rights, self._mute = {}, set()
        for found in self._reader.found.values():
            own = await self._ubus.methods(f"hostapd.{found.ifname}")
            self._rights[found.key] = rights(self._ubus, found.ifname, uc, own)
            if not own and not self._is_run(found.key):
                self._mute.add(found.key)
        self._heard = Heard(self._name, self._reader.found.values(), before=self._heard)
        self._writing.heard = self._heard
        for ref in map(self._scope, self._reader.found):
            with suppress(TryAgain, Garbage):  # a radio that is starting; it is read again before any edit
                await self.read_config(ref)

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        snapshot = await self._reader.read(tables, radios)
        self._see()
        return replace(snapshot, appeared=self._appeared())

    def _appeared(self) -> frozenset[RadioKey]:
        """What may be done with these was not asked, or there was no hostapd that could have told it: an AP
        that starts answers before its radios are there."""
        unasked = self._reader.found.keys() - self._rights.keys()
        return frozenset(unasked | set(filter(self._is_run, self._mute)))

    def _is_run(self, key: RadioKey) -> bool:
        """There was a hostapd object of it when it was last read."""
        return (base := self._reader.bases.get(key)) is not None and base.status is not None

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        found = self._reader.radio(ref)
        base = self._configured[found.key] = await self._reader.base(found.key)
        self._see()
        state = standing.config(base, ref)
        reuse = spatial_reuse.of_section(base.section)
        if reuse is None:
            return state
        level = {Setting.OBSS_PD_DBM: reuse.obss_pd_dbm}
        return replace(state, configured={**state.configured, **level})

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        return plan.effects(self._subject(edit.scope), edit, have)

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        return await self._writing.apply(edit, undo_after_s)

    async def confirm(self, receipt: Receipt) -> None:
        await self._writing.confirm(receipt)

    async def cancel(self, receipt: Receipt) -> None:
        await self._writing.cancel(receipt)

    async def act(self, request: ActionRequest) -> None:
        """RESTART: all clients drop, for about 10 s, or a whole CAC; what an announced switch left unrecorded
        is recorded. STEER: a hint, without a threat."""
        known = self._rights.get(request.radio)
        if known is None or request.action not in known.actions:
            raise Unsupported(f"{self._name} has no {request.action} of {request.radio}")
        if request.action is Action.RESTART:
            await self._writing.restart(self._scope(request.radio))
        else:
            await self._writing.steer(request)

    async def signals(self) -> AsyncIterator[Signal]:
        """A Gap for each stream as soon as it is listened to, first or again: before it things may have been
        missed. Ends with the connection."""
        ears = Listening(self._name, self._ubus, self._heard, self._all_bss, self._context.clock)
        async with aclosing(ears.signals()) as told:
            with suppress(Disconnected):  # that is how it ends
                async for signal in told:
                    yield signal

    async def close(self) -> None:
        await self._ubus.close()

    @property
    def _name(self) -> str:
        return self._context.config.id

    def _scope(self, key: RadioKey) -> ScopeRef:
        return ScopeRef(kind="radio", name=self._reader.found[key].ifname, members=(key,))

    def _subject(self, ref: ScopeRef) -> Subject:
        found = self._reader.radio(ref)
        base = self._configured.get(found.key)
        if base is None or found.key not in self._rights:
            raise TryAgain(f"{self._name}: {found.ifname} was not read yet")
        if self._rights[found.key].ways.uci and not base.section:
            raise TryAgain(f"{self._name}: {found.section}: UCI did not tell what is configured")
        return subject(
            found,
            base,
            self._inventory[found.key],
            self._rights[found.key].ways,
            Manner(
                csa=self._options.method == "csa",
                persist=self._options.persist,
                beacons=self._options.csa_count,
            ),
            self._heard.barred(self._context.clock()),
        )

    def _see(self) -> None:
        for key, base in self._reader.bases.items():
            if (mhz20 := standing.occupied(base)) is not None and not base.switching:
                self._heard.seen_on(key, mhz20)

    def _bss(self, key: RadioKey) -> tuple[str, ...]:
        found = self._reader.found.get(key)
        return found.bss if found is not None else ()

    def _all_bss(self) -> list[str]:
        return [name for found in self._reader.found.values() for name in found.bss]

    def _own_bssids(self) -> dict[str, int]:
        return {
            each.bssid: each.frequency_mhz
            for base in self._reader.bases.values()
            for each in base.bss.values()
            if each.bssid is not None and each.frequency_mhz is not None
        }

    def _info(self, proof: str | None, known: Identity) -> DeviceInfo:
        return DeviceInfo(
            vendor=known.vendor,
            model=known.model,
            version=known.version,
            identity=proof or known.text,
            radios={key: self._radio_info(key) for key in self._reader.found},
            capabilities=self._capabilities(),
            found=(self._found_ap(known),),
            remarks=self._remarks(),
        )

    def _remarks(self) -> tuple[str, ...]:
        bare = [
            base.radio.section
            for base in self._configured.values()
            if missing_refuges(base.section, base.radio.band or Band.GHZ_2_4)
        ]
        words = "UCI names one channel and no list `channels`: radar there would silence it for half an hour"
        return tuple(f"{section}: {words}" for section in sorted(bare))

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
        known = self._rights.values()
        settings = {setting for each in known for setting in each.settings}
        if not any(spatial_reuse.of_section(base.section) for base in self._configured.values()):
            settings -= {Setting.OBSS_PD_DBM}
        ways = signal_ways(self._ubus)
        return Capabilities(
            tables=CAPABILITIES.tables - (frozenset() if hears else {Table.NEIGHBORS}),
            settings=MappingProxyType(dict.fromkeys(sorted(settings), "radio")),
            widths_mhz=self._widths(),
            undo_timer_s=undo_range_s(self._options.session_timeout_s)
            if any(each.ways.uci for each in known)
            else None,
            signals=bool(ways),
            signal_ways=ways,
            rx_time_trusted=self._options.rx_time_trusted,
            actions=frozenset(action for each in known for action in each.actions),
            moves_drop=self._options.method != "csa"
            or not any(each.ways.eht or each.ways.plain for each in known),
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

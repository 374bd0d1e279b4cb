"""The hostapd driver: `hostapd_cli` and `iw` over SSH, as on any Linux AP that runs hostapd 2.10 or later."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from drivers.base import Device, DeviceContext
from drivers.errors import (
    DeviceTimeout,
    Garbage,
    PersonNeeded,
    TryAgain,
    Unsupported,
)
from drivers.expectation import compare
from drivers.hostapd import act, identity, parse, parse_event, parse_phy, plan, reading, render
from drivers.hostapd.find import again, find, listed
from drivers.hostapd.judge import judge
from drivers.hostapd.options import Options, checked
from drivers.hostapd.parse import Section
from drivers.hostapd.parse_event import EventKind
from drivers.hostapd.plan import Subject
from drivers.hostapd.reading import Base, Found, Look, Missing
from drivers.hostapd.render import MARK, Step, Tools
from drivers.hostapd.signals import Mapper
from drivers.signals import Gap, Signal
from drivers.transport.ssh import SshSession
from drivers.transport.ssh_target import SshTarget, parse_address
from drivers.transport.waiting import LineStream
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    Capabilities,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    FoundAp,
    RadioInfo,
    RadioReading,
    Receipt,
    ScopeRef,
    Setting,
    Snapshot,
    Table,
)
from inventory.credentials import CredentialError, Login, parse_login
from inventory.model import Band, RadioKey

CAPABILITIES: Final = Capabilities(
    tables=frozenset(Table) - {Table.COUNTERS},
    settings=MappingProxyType(dict.fromkeys(plan.SETTINGS, "radio")),
    widths_mhz=(20, 40, 80, 160),
    signals=True,
    signal_ways=("hostapd's events, over SSH",),
    actions=frozenset({Action.RESTART, Action.STEER}),
)
# hostapd_cli attaches before it says "Interactive mode"; the others are its pings' findings.
_GAP: Final = re.compile(r"Interactive mode|Connection to hostapd (?:lost|re-established)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What a stream gave. ``text`` None: the stream has ended; ``gap``: lines may be missing before it."""

    ifname: str
    at_s: float
    text: str | None = None
    gap: bool = False


class HostapdDevice:
    """One AP. Calls are carried out one after the other, in the session's own thread."""

    def __init__(self, context: DeviceContext, options: Options, login: Login) -> None:
        host, port = parse_address(context.config.address)
        self._context = context
        self._options = options
        self._session = SshSession(
            SshTarget(
                name=context.config.id,
                host=host,
                port=port,
                login=login,
                fingerprint=options.host_key,
                known_hosts=options.known_hosts,
                connect_timeout_s=options.connect_timeout_s,
            )
        )
        self._tools = Tools(
            hostapd_cli=options.hostapd_cli,
            iw=options.iw,
            ctrl_dir=options.ctrl_dir,
            sudo=options.sudo,
            config_file=options.config_file,
        )
        self._found: dict[RadioKey, Found] = {}
        self._bases: dict[RadioKey, Base] = {}
        self._mute: set[RadioKey] = set()  # which hostapd did not answer for when it was opened
        self._listed = FoundAp(mac=None)
        self._phys: Mapping[int, Mapping[Band, tuple[int, ...]]] = {}  # widths in MHz, when it was opened
        self._widths: dict[RadioKey, tuple[int, ...]] = {}
        self._mapper = Mapper(context.config.id, ())
        self._actions: frozenset[Action] = frozenset()
        self._writing = asyncio.Lock()
        self._boot_s = 0.0  # the agent's clock when the device's uptime was 0

    async def open(self) -> DeviceInfo:
        fingerprint = await self._session.open()
        try:
            return await self._known(fingerprint)
        except BaseException:
            await self._session.close()
            raise

    async def _known(self, fingerprint: str) -> DeviceInfo:
        """Who it is, once the connection stands."""
        first = await self._ask(identity.questions(self._tools))
        self._boot_s = self._context.clock() - identity.required(first, "uptime", identity.uptime_s)
        interfaces = identity.required(first, "dev", parse.interfaces)
        phys = {each.phy for each in interfaces if each.phy is not None}
        infos = await self._ask(
            {f"info:{phy}": self._tools.iw_line("phy", f"phy{phy}", "info") for phy in phys}
        )
        self._phys = widths = {phy: identity.required(infos, f"info:{phy}", parse_phy.widths) for phy in phys}
        found = [find(radio, interfaces, widths) for radio in self._context.radios]
        self._found = {each.key: each for each in found if each is not None}
        self._widths = {key: widths[each.phy].get(each.band, (20,)) for key, each in self._found.items()}
        self._mapper = Mapper(self._context.config.id, self._found.values())
        self._listed = listed(interfaces, widths, self._found.values())
        self._bases.clear()
        await self.read(frozenset({Table.STATUS}), None)
        self._mute = {key for key in self._found if not self._is_run(key)}
        self._actions = await self._possible()
        return self._info(fingerprint, first)

    async def _possible(self) -> frozenset[Action]:
        """STEER where hostapd knows the command. Whether the BSS advertises it, hostapd does not tell."""
        asked = {each.ifname: act.probe(self._tools, each) for each in self._found.values()}
        answers = await self._ask(asked)
        knows = any(act.can_steer(each.text) for each in answers.values())
        return frozenset({Action.RESTART, Action.STEER} if knows else {Action.RESTART})

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        wanted = (
            self._found.keys() | {radio.key for radio in self._context.radios} if radios is None else radios
        )
        there = [self._found[key] for key in sorted(wanted) if key in self._found]
        look = self._look(tables)
        asked = reading.commands(self._tools, there, tables, look)
        answers = await self._ask(asked, longer_s=look.limit_s * len(look.mhz))
        at_s = self._context.clock()
        readings: dict[RadioKey, RadioReading] = {}
        missing = {key: Absence.ABSENT for key in wanted if key not in self._found}
        for radio in there:
            try:
                readings[radio.key], base = reading.reading(radio, answers, tables, at_s)
                self._learn(radio.key, base)
            except (Missing, Garbage) as error:
                missing[radio.key] = reading.absence(error)
        return Snapshot(at_s=at_s, readings=readings, missing=missing, appeared=self._appeared(answers))

    def _appeared(self, answers: Mapping[str, Section]) -> frozenset[RadioKey]:
        """What came since `open`, is elsewhere, or has hostapd by now; of the others the BSSs are learnt. A
        machine that starts answers before its radios are there, and hostapd comes last. Nothing, where the
        next `open` would fail: this session goes on with what it knows."""
        try:
            interfaces = parse.interfaces(reading.section(answers, "dev"))
            same, came = again(self._context.radios, self._found, interfaces, self._phys)
        except (Missing, Garbage, PersonNeeded):
            return frozenset()
        self._found |= same
        self._mapper.finds(self._found.values())
        return frozenset(came | set(filter(self._is_run, self._mute)))

    def _is_run(self, key: RadioKey) -> bool:
        """hostapd answered for it when it was last read."""
        return (base := self._bases.get(key)) is not None and base.status is not None

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        radio = self._radio(ref)
        answers = await self._ask(reading.commands(self._tools, [radio], frozenset(), reading.NO_LOOK))
        try:
            base = reading.base(radio, answers)
        except Missing as error:
            raise TryAgain(f"{self._name}: {radio.ifname}: {error}") from error
        self._learn(radio.key, base)
        return reading.config(base, ref)

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        return plan.effects(self._subject(edit.scope), edit, have)

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        if undo_after_s is not None:
            raise Unsupported("hostapd has no undo timer")
        async with self._writing:
            have = await self.read_config(edit.scope)
            compare(edit, have, {Setting.OBSS_PD_DBM})  # nothing tells which level is in force
            if steps := plan.steps(self._subject(edit.scope), edit, have):
                await self._write(steps)
        return Receipt(edit=edit)

    async def confirm(self, receipt: Receipt) -> None:
        """Nothing to do: what was set stays set until hostapd restarts."""

    async def cancel(self, receipt: Receipt) -> None:
        raise Unsupported("hostapd has no undo timer")

    async def act(self, request: ActionRequest) -> None:
        """RESTART: all clients drop, for 3 to 11 s in the guest; on a DFS channel the radio listens first: a
        whole CAC. STEER: a hint, without a threat, to those of the clients who understand it."""
        found = self._found.get(request.radio)
        if found is None or request.action not in self._actions:
            raise Unsupported(f"{self._name} has no {request.action} of {request.radio}")
        async with self._writing:
            await self._write(await self._deed(found, request))

    async def _deed(self, found: Found, request: ActionRequest) -> tuple[Step, ...]:
        if request.action is Action.RESTART:
            ref = ScopeRef(kind="radio", name=found.ifname, members=(found.key,))
            return act.restart(self._tools, found, (await self.read_config(ref)).state)
        answers = await self._ask(act.questions(self._tools, found, request))
        return act.steer(self._tools, found, request, answers, act.own_bssids(self._bases.values()))

    async def signals(self) -> AsyncIterator[Signal]:
        """A Gap for each radio as soon as it is listened to, first or again; what happened before it may be
        missing. Ends with the connection, or with one of the programs."""
        lines: asyncio.Queue[_Line] = asyncio.Queue(1024)  # behind it the stream's own queue counts drops
        pumps = [
            asyncio.create_task(self._pump(radio.ifname, lines), name=f"{self._name}-{radio.ifname}-events")
            for radio in self._found.values()
        ]
        try:
            while pumps and (line := await lines.get()).text is not None:
                for signal in self._heard(line):
                    yield signal
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def close(self) -> None:
        await self._session.close()

    @property
    def _name(self) -> str:
        return self._context.config.id

    def _info(self, fingerprint: str, first: Mapping[str, Section]) -> DeviceInfo:
        known = identity.identity(first)
        radios = {key: self._radio_info(found) for key, found in self._found.items()}
        return DeviceInfo(
            vendor=known.vendor,
            model=known.model,
            version=known.version,
            identity=fingerprint,  # BSSIDs come and go with hostapd's configuration
            radios=radios,
            capabilities=self._capabilities(may_set_power=known.is_root or self._options.sudo),
            found=(self._listed,),
        )

    def _radio_info(self, found: Found) -> RadioInfo:
        base = self._bases.get(found.key)
        bssids = tuple(base.status.bssids.values()) if base and base.status else ()
        return RadioInfo(key=found.key, name=found.ifname, band=found.band, bssids=bssids)

    def _capabilities(self, *, may_set_power: bool) -> Capabilities:
        """Power: the kernel lets nobody set it without CAP_NET_ADMIN; hostapd's group may do the rest."""
        knows_reuse = any(base.reuse is not None for base in self._bases.values())
        settings = {
            setting: scope
            for setting, scope in CAPABILITIES.settings.items()
            if (may_set_power or setting is not Setting.TX_POWER_DBM)
            and (knows_reuse or setting is not Setting.OBSS_PD_DBM)
        }
        widths = {width for each in self._widths.values() for width in each}
        return Capabilities(
            tables=CAPABILITIES.tables,
            settings=MappingProxyType(settings),
            widths_mhz=tuple(sorted(widths & set(CAPABILITIES.widths_mhz))) or (20,),
            signals=True,
            signal_ways=CAPABILITIES.signal_ways,
            actions=self._actions,
        )

    def _radio(self, ref: ScopeRef) -> Found:
        if ref.kind != "radio" or len(ref.members) != 1 or ref.members[0] not in self._found:
            raise Unsupported(f"{self._name} has no {ref.kind} {ref.name}")
        return self._found[ref.members[0]]

    def _subject(self, ref: ScopeRef) -> Subject:
        found = self._radio(ref)
        base = self._bases.get(found.key)
        return Subject(
            ifname=found.ifname,
            band=found.band,
            tools=self._tools,
            modes=render.modes_of(base.status) if base and base.status else render.Modes(),
            widths_mhz=tuple(w for w in self._widths[found.key] if w in CAPABILITIES.widths_mhz),
            csa_count=self._options.csa_count,
            channels=base.channels if base else {},
            config_file=self._tools.file_of(found.ifname),
            reuse=base.reuse if base else None,
        )

    def _learn(self, key: RadioKey, base: Base) -> None:
        self._bases[key] = base
        if (mhz20 := reading.occupied(base)) is not None:
            self._mapper.seen_on(key, mhz20)

    def _look(self, tables: frozenset[Table]) -> Look:
        if Table.NEIGHBORS not in tables or not self._options.scan:
            return reading.NO_LOOK
        mhz = {key: reading.own_channels(base) for key, base in self._bases.items()}
        return Look(mhz=mhz, limit_s=self._options.scan_timeout_s)

    async def _ask(self, commands: Mapping[str, str], longer_s: float = 0.0) -> dict[str, Section]:
        limit_s = self._options.command_timeout_s + longer_s
        result = await self._session.exec(render.reads(commands), limit_s)
        return parse.sections(result.stdout, MARK)

    async def _write(self, steps: tuple[Step, ...]) -> None:
        limit_s = self._options.command_timeout_s
        latest_s = math.floor(self._context.clock() - self._boot_s + limit_s)
        result = await self._session.exec(render.writes(steps, latest_s), limit_s)
        if result.exit_status == render.LATE:
            raise DeviceTimeout(f"{self._name}: the command arrived too late; nothing was done")
        judge(self._name, steps, result.stdout)

    def _heard(self, line: _Line) -> tuple[Signal, ...]:
        gap = (Gap(at_s=line.at_s, device=self._name),)
        try:
            event = parse_event.event(line.text or "")
        except Garbage:  # radar that cannot be read is still a reason to poll at once
            return gap
        told = self._mapper.signals(line.ifname, event, line.at_s) if event else ()
        return (*told, *gap) if line.gap else told

    async def _pump(self, ifname: str, lines: asyncio.Queue[_Line]) -> None:
        """Lines of one interface, attached again whenever its hostapd goes; ends with its last line."""
        command, clock = self._tools.cli(ifname), self._context.clock
        with suppress(TryAgain):  # the connection has gone: the end, as that of the program is
            gone = True
            while gone:
                stream = await self._session.stream(command)
                try:
                    gone = await _forward(stream, ifname, lines, clock)
                finally:
                    await stream.aclose()
        await lines.put(_Line(ifname=ifname, at_s=clock()))


async def _forward(
    stream: LineStream, ifname: str, lines: asyncio.Queue[_Line], clock: Callable[[], float]
) -> bool:
    """True when the interface's hostapd said good-bye: hostapd_cli would notice only at its next ping."""
    lost = 0
    async for text in stream:
        gap = stream.dropped > lost or _GAP.search(text) is not None
        lost = stream.dropped
        await lines.put(_Line(ifname=ifname, at_s=clock(), text=text, gap=gap))
        if EventKind.TERMINATING in text:
            return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostapdFamily:
    """The entry point ``hostapd``."""

    name: str = "hostapd"
    summary: str = "Linux access points with hostapd 2.10 or later, over SSH"
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
            return HostapdDevice(context, options, parse_login(context.secret))
        except (CredentialError, ValueError) as error:
            raise PersonNeeded(f"{context.config.id}: {error}") from error


family = HostapdFamily()

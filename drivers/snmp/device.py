"""One SNMP device: what it is asked, what is written to it, in the dialect of its profile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import structlog

from drivers.base import DeviceContext
from drivers.errors import Garbage, IdentityChanged, PersonNeeded, Refused, TryAgain, Unsupported
from drivers.expectation import compare
from drivers.notifications import Oid, Value
from drivers.signals import Signal
from drivers.snmp import configured, plan, questions, render, writer
from drivers.snmp.asker import Asker
from drivers.snmp.dialect import dialect, text_of_octets
from drivers.snmp.identity import Identity, capabilities, declared, identity, is_unproven
from drivers.snmp.load import profile_of_file, shipped
from drivers.snmp.matcher import Matcher
from drivers.snmp.notify import Rules
from drivers.snmp.notify_stream import TrapStream
from drivers.snmp.notify_where import Places
from drivers.snmp.options import AUTO, Options
from drivers.snmp.parse import Refusal, read
from drivers.snmp.parse_answer import Answer, Row
from drivers.snmp.parse_radio import Located, found_aps, located
from drivers.snmp.parse_status import Request
from drivers.snmp.plan import Subject
from drivers.snmp.profile import Profile
from drivers.snmp.questions import SYS_DESCR, SYS_OBJECT_ID, SYS_UP_TIME, Question
from drivers.snmp.session import SnmpSession
from drivers.snmp.uptime import Uptime
from drivers.types import (
    Absence,
    Action,
    ActionRequest,
    Capabilities,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    RadioInfo,
    RadioReading,
    Receipt,
    ScopeRef,
    Setting,
    Snapshot,
    Table,
)
from inventory.model import Band, RadioKey

log = structlog.get_logger()

FEW_RADIOS: Final = 4
"""So many are asked for by single values; for more the columns are walked, as one GetBulk brings many
rows."""

AT_ONCE: Final = 20
"""So many radios are made out before the others get their turn: some 10 ms of work."""

STATUS: Final = frozenset({Table.STATUS})
UNPROVEN: Final = (
    "Nobody has shown that such a device can be set by SNMP, so it is only read. "
    "Use the driver netconf where it has NETCONF; `options: {writable: true}` sets it all the same."
)


class SnmpDevice:
    """One SNMP agent: an AP, or a controller with many."""

    def __init__(self, context: DeviceContext, options: Options, session: SnmpSession) -> None:
        self._context = context
        self._options = options
        self._session = session
        self._writing = asyncio.Lock()
        self._profile: Profile | None = None
        self._match = Matcher(context)
        self._found: Mapping[RadioKey, Located] = {}
        self._told: frozenset[RadioKey] = frozenset()  # the radios that `open` told of
        self._capabilities = Capabilities(tables=STATUS, settings=MappingProxyType({}))
        self._identity: Identity | None = None
        self._uptime = Uptime(at_s=context.clock())
        self._seen: dict[RadioKey, RadioReading] = {}
        self._traps = TrapStream(context)
        self._endless: set[Oid] = set()  # said already
        self._owned: dict[RadioKey, frozenset[Setting]] = {}
        self._refused: dict[RadioKey, frozenset[tuple[str, str]]] = {}
        self._lost: frozenset[RadioKey] = frozenset()
        self._asker: Asker | None = None

    async def open(self) -> DeviceInfo:
        self._traps.close()
        await self._session.close()
        await self._session.open()
        try:
            return await self._known()
        except BaseException:
            await self._session.close()
            raise

    async def _known(self) -> DeviceInfo:
        """Who it is, which radios it has and what it answers to: the one walk over all that the dialect
        knows."""
        system = await self._session.get((SYS_DESCR, SYS_OBJECT_ID, SYS_UP_TIME))
        if SYS_OBJECT_ID not in system:
            raise Garbage(f"{self._name}: no sysObjectID: no SNMP agent answers like that")
        profile = self._profile = await self._chosen(system)
        asker = self._asker = Asker(profile)
        unproven = is_unproven(profile, text_of_octets(system.get(SYS_DESCR, b"")))
        most = declared(profile, signals=self._hears, sets=self._options.writable or not unproven)
        question = asker.first(most.tables)
        at_s, values = self._context.clock(), await self._ask(question, profile)
        who = identity(profile, {**system, **values}, self._session.engine_id)
        answer = Answer(profile, values)
        radios = located(answer)
        self._uptime = self._uptime.then(at_s, {**system, **values}, profile.restarts)
        self._identity = who
        self._found = self._match(radios)
        self._told = frozenset(self._found)
        self._capabilities = await asyncio.to_thread(capabilities, answer, radios, most)
        await self._snapshot(answer, self._found, self._request(STATUS, at_s))
        remarks = () if most.settings or not profile.set else (UNPROVEN,)
        return replace(self._info(who, answer, radios), remarks=remarks)

    def _info(self, who: Identity, answer: Answer, radios: tuple[Located, ...]) -> DeviceInfo:
        return DeviceInfo(
            vendor=who.vendor,
            model=who.model,
            version=who.version,
            identity=who.proof,
            radios={key: _radio_info(key, one, self._band(key, one)) for key, one in self._found.items()},
            capabilities=self._capabilities,
            found=found_aps(answer, radios, who.mac, who.name, who.model or None),
        )

    async def _chosen(self, system: Mapping[Oid, Value]) -> Profile:
        """The dialect that was named, or the first that fits and whose subtrees answer."""
        if self._options.profile_file is not None:
            return await asyncio.to_thread(profile_of_file, self._options.profile_file)
        if self._options.profile != AUTO:
            return (await asyncio.to_thread(shipped))[self._options.profile]
        if (found := await dialect(self._session, system)) is not None:
            return found
        kind, text = str(system[SYS_OBJECT_ID]), text_of_octets(system.get(SYS_DESCR, b""))
        raise PersonNeeded(
            f"{self._name}: no profile for sysObjectID {kind} ({text[:60]}): name one of "
            f"{', '.join(shipped())}, or write one (docs/snmp.md)"
        )

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        profile = self._opened()
        asked = frozenset(radio.key for radio in self._context.radios) if radios is None else radios
        known = {key: one for key in asked if (one := self._found.get(key)) is not None}
        few = self._are_few(known, radios)
        at_s = self._context.clock()
        values = await self._ask(self._asks().of(tables, known if few else None), profile)
        self._uptime = self._uptime.then(at_s, values, profile.restarts)
        answer = Answer(profile, values)
        there = self._again(answer, known) if few else self._matched(answer)
        here = {key: there.get(key) for key in asked}
        snapshot = await self._snapshot(answer, here, self._request(tables, at_s))
        return replace(snapshot, appeared=frozenset(snapshot.readings) - self._told)

    def _are_few(self, known: Mapping[RadioKey, Located], radios: frozenset[RadioKey] | None) -> bool:
        """True where single values are asked for. Of all radios: only if the device has no more than a few,
        and none was missing: one that comes back may have another row."""
        if radios is None and (self._lost or len(known) < len(self._context.radios)):
            return False
        return len(known) <= FEW_RADIOS

    def _request(self, tables: frozenset[Table], at_s: float) -> Request:
        epoch, take_over = str(self._uptime.epoch), self._options.take_over
        return Request(tables=tables, at_s=at_s, epoch=epoch, take_over=take_over)

    def _matched(self, answer: Answer) -> Mapping[RadioKey, Located]:
        """Rows come and go with their APs: which is which is found out anew."""
        self._found = self._match(located(answer))
        return self._found

    def _again(self, answer: Answer, known: Mapping[RadioKey, Located]) -> Mapping[RadioKey, Located]:
        """The same radios by their rows; a row that is another AP's by now is none."""
        rows = {one.row.suffix: one for one in located(answer)}
        return {
            key: now
            for key, one in known.items()
            if (now := rows.get(one.row.suffix)) is not None
            and (now.ap_mac, now.ap_name, now.name) == (one.ap_mac, one.ap_name, one.name)
        }

    async def _snapshot(
        self, answer: Answer, radios: Mapping[RadioKey, Located | None], request: Request
    ) -> Snapshot:
        readings: dict[RadioKey, RadioReading] = {}
        missing: dict[RadioKey, Absence] = {}
        for number, (key, radio) in enumerate(radios.items(), 1):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            if radio is None:
                missing[key] = Absence.ABSENT
                continue
            told = read(answer, radio, key, self._band(key, radio), request)
            self._say(key, told.refusals)
            if told.reading is None:
                missing[key] = Absence.GARBAGE if told.refusals else Absence.ABSENT
                continue
            readings[key] = told.reading
        if Table.STATUS in request.tables:
            self._seen |= readings
        self._lost = (self._lost - readings.keys()) | (missing.keys() & self._found.keys())
        return Snapshot(at_s=request.at_s, readings=readings, missing=missing)

    def _say(self, key: RadioKey, refusals: Iterable[Refusal]) -> None:
        """One line for a row that begins to be nonsense, not one for each poll."""
        now = {(each.section, each.row): each for each in refusals}
        for place in now.keys() - self._refused.get(key, frozenset()):
            each = now[place]
            log.warning(
                "snmp.row_refused",
                device=self._name,
                radio=key,
                section=each.section,
                row=each.row,
                reason=each.why,
            )
        self._refused[key] = frozenset(now)

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        profile = self._opened()
        if ref.kind != "radio":
            row, columns = self._other(ref)
            oids = [f"{questions.oid_of(profile, column)}.{row.suffix}" for column in columns]
            return configured.of_others(Answer(profile, await self._session.get(oids)), row, ref)
        radio, key, at_s = self._radio(ref), ref.members[0], self._context.clock()
        answer = Answer(profile, await self._ask(self._asks().settings(radio), profile))
        now = self._again(answer, {key: radio})
        seen = await self._snapshot(answer, {key: now.get(key)}, self._request(STATUS, at_s))
        reading = seen.readings.get(key)
        if reading is None:
            raise TryAgain(f"{self._name}: {ref.name} does not answer, or with nonsense")
        self._owned[key] = configured.owned(answer, radio.row)
        return configured.of_radio(answer, radio.row, reading, ref)

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        try:
            return plan.effects(self._subject(edit.scope), edit, have)
        except Refused as error:  # by its own word, and nothing was asked of it
            raise Unsupported(str(error)) from error

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        if undo_after_s is not None:
            raise Unsupported(f"{self._name}: SNMP has no undo timer")
        async with self._writing:
            have = await self.read_config(edit.scope)
            compare(edit, have, plan.as_configured(self._opened()))
            subject = self._subject(edit.scope)
            commands, back = plan.commands(subject, edit, have), plan.handing_back(subject, edit, have)
            await writer.take(self._session, self._name, commands, back)
        return Receipt(edit=edit)

    async def confirm(self, receipt: Receipt) -> None:
        """Nothing to do: what was set stays set."""

    async def cancel(self, receipt: Receipt) -> None:
        raise Unsupported(f"{self._name}: SNMP has no undo timer")

    async def act(self, request: ActionRequest) -> None:
        """RELEASE: the vendor's own RRM may move the radio from now on. RESTART: all clients drop."""
        profile, radio = self._opened(), self._found.get(request.radio)
        if radio is None or request.action not in self._capabilities.actions:
            raise Unsupported(f"{self._name} has no {request.action} of {request.radio}")
        steps, write = profile.release, writer.write
        if request.action is Action.RESTART:
            steps, write = profile.restart, writer.restart
        async with self._writing:
            commands = render.commands(profile, [(step, {}) for step in steps], radio.row)
            await write(self._session, self._name, commands)

    async def signals(self) -> AsyncIterator[Signal]:
        """What its traps say, if the daemon hears any."""
        profile, places = self._opened(), Places(self._context.aps, self._seen)
        places.of(self._found, one_ap=profile.aps is None)
        heard = self._traps.signals(
            Rules(profile),
            self._session.engine_id,
            lambda: places.of(self._found, one_ap=profile.aps is None),
        )
        async for signal in heard:
            yield signal

    async def close(self) -> None:
        self._traps.close()
        await self._session.close()

    @property
    def _name(self) -> str:
        return self._context.config.id

    @property
    def _hears(self) -> bool:
        return self._traps.hears

    def _opened(self) -> Profile:
        if self._profile is None:
            raise TryAgain(f"{self._name} is not open")
        return self._profile

    def _band(self, key: RadioKey, radio: Located) -> Band:
        """The inventory's, where the device does not tell."""
        return radio.band or next(each.band for each in self._context.radios if each.key == key)

    def _asks(self) -> Asker:
        if self._asker is None:
            raise TryAgain(f"{self._name} is not open")
        return self._asker

    async def _ask(self, question: Question, profile: Profile) -> dict[Oid, Value]:
        """With the device's clock, and what proves that it is still the same. Raises IdentityChanged."""
        own = questions.identity_oids(profile)
        first = (SYS_UP_TIME, SYS_OBJECT_ID, *profile.restarts, *own, *question.instances)
        values = dict(await self._session.get(first))
        if self._identity is not None:
            now = identity(profile, values, self._session.engine_id)
            if (changed := self._identity.differs(now)) is not None:
                raise IdentityChanged(f"{self._name} is another device than before: {changed}")
        if question.walked:
            values |= await self._session.walk(question.walked)
        for roots in question.apart:
            values |= await self._walked_apart(roots)
        return values

    async def _walked_apart(self, roots: tuple[Oid, ...]) -> Mapping[Oid, Value]:
        """What the device tells of clients and neighbours; a table that has no end, or that it would not
        show, costs no radio its reading."""
        try:
            found = await self._session.walk(roots)
        except (Garbage, Refused) as error:
            if roots[0] not in self._endless:
                log.warning("snmp.table_refused", device=self._name, column=roots[0], reason=str(error))
            self._endless.add(roots[0])
            return {}
        self._endless.discard(roots[0])
        return found

    def _radio(self, ref: ScopeRef) -> Located:
        """Raises Unsupported."""
        if len(ref.members) != 1 or ref.members[0] not in self._found:
            raise Unsupported(f"{self._name} has no {ref.kind} {ref.name}")
        return self._found[ref.members[0]]

    def _other(self, ref: ScopeRef) -> tuple[Row, list[tuple[str, str]]]:
        """The row that stands for a band or for the device, and the columns that tell what is set there."""
        for name, write in self._opened().set.items():
            if write.scope == ref.kind and ref.name in write.rows and name in self._capabilities.settings:
                table = write.steps[0].column.partition(".")[0]
                row = Row(table=table, suffix=write.rows[ref.name], parts={})
                return row, questions.told_by(write, table)
        raise Unsupported(f"{self._name} has no {ref.kind} {ref.name}")

    def _subject(self, ref: ScopeRef) -> Subject:
        settable = frozenset(name for name, scope in self._capabilities.settings.items() if scope == ref.kind)
        profile = self._opened()
        if ref.kind != "radio":
            return Subject(profile=profile, row=self._other(ref)[0], settable=settable)
        radio, seen = self._radio(ref), self._seen.get(ref.members[0])
        return Subject(
            profile=profile,
            row=radio.row,
            settable=settable,
            band=self._band(ref.members[0], radio),
            choices=seen.power_choices_dbm if seen is not None else None,
            allowed_mhz=seen.allowed_mhz if seen is not None else None,
            owned=self._owned.get(ref.members[0], frozenset()),
            take_over=self._options.take_over,
        )


def _radio_info(key: RadioKey, radio: Located, band: Band) -> RadioInfo:
    bssids = () if radio.bssid is None else (radio.bssid,)
    return RadioInfo(key=key, name=radio.name, band=band, bssids=bssids)

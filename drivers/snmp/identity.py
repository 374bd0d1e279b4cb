"""Who an SNMP device is, which dialect it speaks, and what it can do. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.errors import Garbage
from drivers.notifications import Oid, Value
from drivers.snmp.parse import read
from drivers.snmp.parse_answer import Answer, Row
from drivers.snmp.parse_radio import Located, text_of
from drivers.snmp.parse_status import Request
from drivers.snmp.profile import Profile
from drivers.snmp.questions import SYS_OBJECT_ID, identity_oids
from drivers.snmp.source import Sources
from drivers.types import Action, Capabilities, Outage, RadioReading, Setting, Table
from inventory.model import Band, RadioKey

NOBODY: Final = RadioKey("a/b/c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """``proofs``: what must not change behind our back, by kind, the surest first; ``mac`` and ``name``: of
    an AP that is its own device."""

    vendor: str
    model: str
    version: str
    proofs: Mapping[str, str]
    mac: str | None
    name: str | None

    @property
    def proof(self) -> str:
        return next(f"{kind} {value}" for kind, value in self.proofs.items())

    def differs(self, now: Identity) -> str | None:
        """What is another than before; None: all that both tell is the same."""
        kinds = [kind for kind in self.proofs if now.proofs.get(kind, self.proofs[kind]) != self.proofs[kind]]
        return next((f"{kind} was {self.proofs[kind]}, it is {now.proofs[kind]}" for kind in kinds), None)


def identity(profile: Profile, values: Mapping[Oid, Value], engine_id: bytes | None) -> Identity:
    """A value that can't be read is not told. Without serial, MAC and engine the sysObjectID must do."""
    told = {oid: values[oid] for oid in identity_oids(profile) if oid in values}
    answer = Answer(profile, told)
    section = profile.identity
    serial, mac = _text(answer, section.serial), _text(answer, section.mac)
    proofs = {"serial": serial, "mac": mac, "engine": engine_id.hex() if engine_id else None}
    kind = values.get(SYS_OBJECT_ID)
    proofs["sysObjectID"] = None if kind is None else str(kind)
    return Identity(
        vendor=section.vendor,
        model=_text(answer, section.model) or "",
        version=_text(answer, section.version) or "",
        proofs={name: value for name, value in proofs.items() if value},
        mac=mac,
        name=_text(answer, section.name),
    )


def _text(answer: Answer, sources: Sources) -> str | None:
    try:
        found = answer.first(sources, Row(table=answer.profile.radios.table, suffix="", parts={}))
    except Garbage:
        return None
    return None if found is None else text_of(found)


def fits(profile: Profile, sys_object_id: str, sys_descr: str) -> int | None:
    """How well these two match, by the length of the sysObjectID that did (0: by others alone); None: not at
    all. What the subtrees of ``has`` say is not looked at."""
    match = profile.match
    if match.sys_descr is not None and not re.search(match.sys_descr, sys_descr):
        return None
    if not match.sys_object_id:
        return 0
    under = [each for each in match.sys_object_id if f"{sys_object_id}.".startswith(f"{each}.")]
    return max(map(len, under)) if under else None


def ranked(profiles: Sequence[Profile], sys_object_id: str, sys_descr: str) -> list[Profile]:
    """Those that may fit, the most certain first: a longer sysObjectID, then more conditions."""
    scored = [(fits(each, sys_object_id, sys_descr), each) for each in profiles]
    found = [(score, each) for score, each in scored if score is not None]
    found.sort(
        key=lambda pair: (-pair[0], pair[1].match.sys_descr is None, not pair[1].match.has, pair[1].name)
    )
    return [each for _, each in found]


def is_unproven(profile: Profile, sys_descr: str) -> bool:
    """True for a device on which nobody has shown that a SET of this dialect works."""
    return profile.unproven is not None and re.search(profile.unproven, sys_descr) is not None


def declared(profile: Profile, *, signals: bool = False, sets: bool = True) -> Capabilities:
    """The most that devices of this dialect can do. ``signals``: somebody listens for what they push;
    ``sets`` False: this one must not be set."""
    signals = signals and bool(profile.notifications)
    tables = frozenset({Table.STATUS, *_tables(profile)})
    return Capabilities(
        tables=tables,
        settings=MappingProxyType(_settings(profile, frozenset(profile.set) if sets else frozenset())),
        widths_mhz=profile.widths_mhz,
        refresh_s=_refresh_s(profile, tables),
        signals=signals,
        signal_ways=("SNMP notifications",) if signals else (),
        actions=_actions(profile) if sets else frozenset(),
        moves_drop=_moves_drop(profile),
    )


def _moves_drop(profile: Profile) -> bool:
    write = profile.set.get(Setting.CHANNEL)
    return write is not None and write.outage is Outage.CLIENTS_DROP


def _refresh_s(profile: Profile, tables: frozenset[Table]) -> Mapping[Table, float]:
    return MappingProxyType({table: s for table, s in profile.refresh_s.items() if table in tables and s > 0})


def _tables(profile: Profile) -> list[Table]:
    has = {
        Table.SURVEY: profile.gauges is not None or profile.survey is not None,
        Table.COUNTERS: profile.counters is not None,
        Table.CLIENTS: profile.clients is not None,
        Table.NEIGHBORS: bool(profile.neighbors),
    }
    return [table for table, there in has.items() if there]


def _actions(profile: Profile) -> frozenset[Action]:
    has = {Action.RELEASE: profile.release, Action.RESTART: profile.restart}
    return frozenset(action for action, steps in has.items() if steps)


def _settings(profile: Profile, there: frozenset[Setting]) -> dict[Setting, str]:
    """The centre goes with channel and width: it follows from them."""
    scopes: dict[Setting, str] = {name: profile.set[name].scope for name in profile.set if name in there}
    if {Setting.CHANNEL, Setting.WIDTH_MHZ} <= scopes.keys():
        scopes[Setting.CENTER_MHZ] = scopes[Setting.CHANNEL]
    return scopes


def capabilities(answer: Answer, radios: Sequence[Located], most: Capabilities) -> Capabilities:
    """Of what the dialect can do, what this device answered to."""
    profile = answer.profile
    request = Request(tables=most.tables, at_s=0.0)
    readings = [
        reading
        for one in radios
        if (reading := read(answer, one, NOBODY, one.band or Band.GHZ_5, request).reading) is not None
    ]
    told = frozenset(
        name for name in profile.set if name in most.settings and _is_told(name, answer, readings)
    )
    settings = _settings(profile, told)
    tables = frozenset(table for table in most.tables if _is_answered(table, readings))
    return Capabilities(
        tables=tables,
        settings=MappingProxyType(settings),
        widths_mhz=most.widths_mhz,
        refresh_s=_refresh_s(profile, tables),
        signals=most.signals,
        signal_ways=most.signal_ways,
        actions=most.actions if settings else frozenset(),
        moves_drop=most.moves_drop,
    )


def _is_answered(table: Table, readings: Sequence[RadioReading]) -> bool:
    fields = {
        Table.SURVEY: ("survey", "gauges"),
        Table.COUNTERS: ("counters",),
        Table.CLIENTS: ("clients", "client_count"),
        Table.NEIGHBORS: ("neighbors",),
    }.get(table, ())
    return not fields or any(getattr(each, name) is not None for each in readings for name in fields)


def _is_told(name: Setting, answer: Answer, readings: Sequence[RadioReading]) -> bool:
    """What can't be read can't be put back, and is not set."""
    write = answer.profile.set[name]
    if write.told:
        return any(answer.column(*_columns(source.column)) for source in write.told if source.column)
    if name is Setting.ENABLED:
        return bool(readings)
    return any(getattr(each, name.value) is not None for each in readings)


def _columns(column: str) -> tuple[str, str]:
    table, _, number = column.partition(".")
    return table, number

"""What a vendor's SNMP dialect is: the models of a profile file (docs/snmp.md says how to write one).

A profile is data. Everything that is read is a *source*: where a value is found and what turns the
device's number into ours. Tables are named, and so are the parts of their index: rows of two tables belong
together when the parts of the same name are equal. No behaviour beyond checking what was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from drivers.snmp.session import Syntax
from drivers.snmp.source import (
    ColumnName,
    Expression,
    IndexPart,
    Name,
    Oids,
    OidText,
    Part,
    Scalar,
    Scalars,
    Source,
    Sources,
    as_typed,
)
from drivers.types import Outage, Readback, Setting, Table
from inventory.model import Band


class Match(Part):
    """How a device of this dialect is recognised; all that is given must hold. ``sys_object_id``: beginnings,
    one of them; ``has``: subtrees, one of which must answer; ``sys_descr``: a pattern to be found in it."""

    sys_object_id: Oids = ()
    has: Oids = ()
    sys_descr: Expression | None = None

    @model_validator(mode="after")
    def _something(self) -> Match:
        if not self.sys_object_id and not self.has:
            raise ValueError("sys_object_id or has must say how a device is recognised")
        return self


class Identity(Part):
    """Who the device is; of ``oid`` sources. What must not change behind our back is the serial, else the
    MAC."""

    vendor: str
    name: Sources = ()
    model: Sources = ()
    version: Sources = ()
    serial: Sources = ()
    mac: Sources = ()


class TableShape(Part):
    """``oid``: of the entry (columns come right after it). ``index``: its parts in order, name: kind.
    ``keys``: further names for joining, of columns."""

    oid: OidText
    index: Mapping[Name, IndexPart] = Field(min_length=1)
    keys: Mapping[Name, Sources] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _open_parts_come_last(self) -> TableShape:
        open_ended = [name for name, kind in self.index.items() if kind in ("text", "rest")]
        if open_ended and open_ended != list(self.index)[-1:]:
            raise ValueError("an index part of kind text or rest takes all that is left: it must be the last")
        return self


class Aps(Part):
    """The APs of a controller. Without this section the device is one AP."""

    table: Name
    mac: Sources = ()
    name: Sources = ()
    model: Sources = ()


class Radios(Part):
    """Rows that are radios: those of ``table``, and with ``also`` of further tables with the same index.

    ``name``: the device's own name of the radio, which `ifname` of the site file is compared with. ``band``:
    2.4, 5 or 6; where it is not told the channel tells it. ``bssid``: any one. ``merge``: rows (of one AP)
    with the same value are one radio, and the first row stands for it. ``where``: columns that must have one
    of these values for a row to be a radio at all.
    """

    table: Name
    also: tuple[Name, ...] = ()
    name: Sources
    band: Sources = ()
    bssid: Sources = ()
    merge: Sources = ()
    where: Mapping[str, Scalars] = Field(default_factory=dict)


class Status(Part):
    """``state``: on_air, off, cac, nop or starting. ``managed``: yields something while the vendor's own RRM
    owns the channel. ``power_choices_dbm``: a text of numbers, loudest first, see docs/snmp.md;
    ``power_level``: which of them is set, counted from 1. ``channels``: text of numbers that the radio may
    use. ``uplink``: yields something for a radio that carries a mesh or a station uplink."""

    channel: Sources = ()
    width_mhz: Sources = ()
    center_mhz: Sources = ()
    tx_power_dbm: Sources = ()
    power_level: Sources = ()
    power_choices_dbm: Sources = ()
    state: Sources = ()
    managed: Sources = ()
    channels: Sources = ()
    country: Sources = ()
    uplink: Sources = ()


class Gauges(Part):
    """What the device works out itself; ratios 0..1, noise in dBm."""

    busy_ratio: Sources = ()
    rx_ratio: Sources = ()
    tx_ratio: Sources = ()
    non_wifi_ratio: Sources = ()
    noise_dbm: Sources = ()
    retry_ratio: Sources = ()
    per: Sources = ()


class Counters(Part):
    """Totals of the radio. ``bits``: of the counters on the device. ``letters``: columns of the same row that
    are looked at because known firmware fills them with text: where three of them are letters, the whole row
    is refused; as it is where the column of ``at_most`` exceeds the other, of which it is a part."""

    tx_frames: Sources = ()
    tx_retries: Sources = ()
    tx_failed: Sources = ()
    tx_bytes: Sources = ()
    disconnects: Sources = ()
    bits: Annotated[Literal[32, 64], BeforeValidator(as_typed)] = 32
    letters: tuple[ColumnName, ...] = ()
    at_most: Mapping[ColumnName, ColumnName] = Field(default_factory=dict)


class Clients(Part):
    """``count``: how many. ``table``: rows that are clients, tied to radios by parts or keys of the same
    name."""

    count: Sources = ()
    table: Name | None = None
    mac: Sources = ()
    bssid: Sources = ()
    signal_dbm: Sources = ()
    tx_frames: Sources = ()
    tx_retries: Sources = ()
    tx_failed: Sources = ()
    tx_bytes: Sources = ()
    connected_s: Sources = ()


class Neighbors(Part):
    """Rows that are BSSs heard: neighbours and rogues are told in different tables."""

    table: Name
    bssid: Sources
    channel: Sources
    signal_dbm: Sources
    width_mhz: Sources = ()
    ssid: Sources = ()
    age_s: Sources = ()


class Survey(Part):
    """Rows that tell the air of one channel each; times in ms, ever rising."""

    table: Name
    channel: Sources
    noise_dbm: Sources = ()
    active_ms: Sources = ()
    busy_ms: Sources = ()
    rx_ms: Sources = ()
    tx_ms: Sources = ()


class Radar(Part):
    """Rows that tell on which channel a radio heard radar, and how many seconds ago. They belong to the
    status: for 30 minutes nothing may be sent there."""

    table: Name
    channel: Sources
    ago_s: Sources


class Step(Part):
    """One SET. ``const``, or what the edit asks for: ``of`` a setting, through ``map``, or its place in the
    radio's power choices (``choice``), or ``times``. A width in ``map`` that is negative is one whose further
    channels are below the primary. ``note``: what a constant means, for the plan. ``joined``: in one PDU with
    the step before it."""

    column: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}\.\d{1,5}$")
    const: Scalar | None = None
    of: Setting | None = None
    map: Mapping[int, int] | None = None
    choice: bool = False
    times: float = 1.0
    syntax: Syntax = Syntax.INTEGER
    note: str = ""
    joined: bool = False

    @model_validator(mode="after")
    def _one_value(self) -> Step:
        if (self.const is None) is (self.of is None):
            raise ValueError("a step has exactly one of const, of")
        return self


class Write(Part):
    """How one setting is set. ``scope``: what it applies to; for a band, ``rows`` names the index of each.

    ``allowed``: pairs of lowest and highest value, ``bands``: of radios that take it, if not all. ``told``:
    what the device says is set, where that is not what ``status`` reads; ``owned``: yields something while
    the vendor's own RRM holds it. ``readback``: whether ``status`` proves that it is in force. ``silent_s``:
    without service at the most, listening for radar not counted.
    """

    scope: Literal["radio", "band", "device"] = "radio"
    rows: Mapping[str, str] = Field(default_factory=dict)
    steps: tuple[Step, ...] = Field(min_length=1)
    allowed: tuple[tuple[int, int], ...] = ()
    bands: tuple[Band, ...] = ()
    told: Sources = ()
    owned: Sources = ()
    readback: Readback = Readback.IN_FORCE
    outage: Outage = Outage.CLIENTS_DROP
    silent_s: float = Field(15.0, ge=0)
    persists: bool = True

    @model_validator(mode="after")
    def _bands_are_named(self) -> Write:
        if (self.scope == "radio") is bool(self.rows):
            raise ValueError("rows names the index of each band or of the device, and of nothing else")
        return self


class Profile(Part):
    """One dialect. ``owner``: what the vendor's own RRM is called. ``refresh_s``: how old the device lets a
    table become. ``restarts``: instances beside sysUpTime that change when all counters start again
    (snmpEngineBoots). ``unproven``: sysDescr of devices on which nobody has shown that ``set`` works.
    ``notifications``: see docs/traps.md; drivers/snmp/notify_words.py has
    their models."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    summary: str
    match: Match
    identity: Identity
    tables: Mapping[Name, TableShape]
    aps: Aps | None = None
    radios: Radios
    status: Status = Status()
    gauges: Gauges | None = None
    counters: Counters | None = None
    clients: Clients | None = None
    neighbors: tuple[Neighbors, ...] = ()
    survey: Survey | None = None
    radar: Radar | None = None
    set: Mapping[Setting, Write] = Field(default_factory=dict)
    unproven: Expression | None = None
    release: tuple[Step, ...] = ()
    restart: tuple[Step, ...] = ()
    owner: str = "the vendor's own RRM"
    restarts: Oids = ()
    refresh_s: Mapping[Table, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    widths_mhz: tuple[int, ...] = (20,)
    notifications: tuple[Mapping[str, Any], ...] = ()

    @model_validator(mode="after")
    def _names_exist(self) -> Profile:
        """Each table and index part that a source names is there."""
        for where, table, source in all_sources(self):
            if source.column is not None and "." in source.column:
                self._table_exists(where, source.column.split(".")[0])
            for column in (*source.when, *source.unless):
                self._table_exists(where, column.split(".")[0] if "." in column else table)
            if source.part is not None and source.part not in self._parts(where, table):
                raise ValueError(f"{where}: the index of {table} has no part {source.part}")
        for where, table in _named_tables(self):
            self._table_exists(where, table)
        return self

    def _table_exists(self, where: str, name: str) -> None:
        if name not in self.tables:
            raise ValueError(f"{where}: no table {name}; there are {', '.join(sorted(self.tables))}")

    def _parts(self, where: str, table: str) -> Mapping[str, str]:
        self._table_exists(where, table)
        return self.tables[table].index


SECTIONS: Final = ("status", "gauges", "counters")
"""Read from the radio's own row."""


def all_sources(profile: Profile) -> Iterator[tuple[str, str, Source]]:
    """Path, table of the row it is read for, source."""
    own = profile.radios.table
    parts: list[tuple[str, str, Part]] = [("radios", own, profile.radios)]
    parts += [(name, own, part) for name in SECTIONS if (part := getattr(profile, name)) is not None]
    parts += [(f"tables.{name}", name, shape) for name, shape in profile.tables.items()]
    if profile.clients is not None:
        parts.append(("clients", profile.clients.table or own, profile.clients))
    for name in ("aps", "survey", "radar"):
        if (part := getattr(profile, name)) is not None:
            parts.append((name, part.table, part))
    parts += [(f"neighbors.{n}", part.table, part) for n, part in enumerate(profile.neighbors)]
    for where, table, part in parts:
        for name, source in sources_of(part):
            in_own = where == "clients" and name == "count"
            yield f"{where}.{name}", own if in_own else table, source
    for setting, write in profile.set.items():
        for name in ("told", "owned"):
            for source in getattr(write, name):
                yield f"set.{setting}.{name}", own, source


def sources_of(part: Part) -> Iterator[tuple[str, Source]]:
    """Field and source, of one section."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        groups = value.items() if name == "keys" else [(name, value)]
        for field, sources in groups:
            if isinstance(sources, tuple):
                yield from ((field, each) for each in sources if isinstance(each, Source))


def _named_tables(profile: Profile) -> Iterator[tuple[str, str]]:
    yield "radios.table", profile.radios.table
    yield from (("radios.also", name) for name in profile.radios.also)
    for name in ("aps", "clients", "survey", "radar"):
        table = getattr(getattr(profile, name), "table", None)
        if table is not None:
            yield f"{name}.table", table
    yield from (("neighbors.table", part.table) for part in profile.neighbors)
    for setting, write in profile.set.items():
        yield from ((f"set.{setting}", step.column.split(".")[0]) for step in write.steps)
    for where, steps in (("release", profile.release), ("restart", profile.restart)):
        yield from ((where, step.column.split(".")[0]) for step in steps)

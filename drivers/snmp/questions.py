"""What a device is asked for: only the columns that the tables asked for are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from drivers.notifications import Oid
from drivers.snmp import parse_index
from drivers.snmp.parse_answer import Row
from drivers.snmp.profile import Profile, Write, sources_of
from drivers.snmp.source import Part, Source
from drivers.types import Table

SYS_DESCR: Final = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"
SYS_UP_TIME: Final = "1.3.6.1.2.1.1.3.0"

_ALWAYS: Final = ("channel", "state", "managed", "uplink")
"""Of the status: what every reading says."""

LONG: Final = frozenset({Table.CLIENTS, Table.NEIGHBORS})

ColumnOf = tuple[str, str]
"""Table and number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Columns and single instances that tables are made of, in the order of the profile. ``long``: tables
    that have a row for each client, or for each BSS that each AP hears."""

    columns: tuple[ColumnOf, ...]
    instances: tuple[Oid, ...]
    long: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``walked``: columns, or beginnings of their index; ``instances``: single values. ``apart``: the same of
    long tables, each of which may fail by itself."""

    walked: tuple[Oid, ...]
    instances: tuple[Oid, ...]
    apart: tuple[tuple[Oid, ...], ...] = ()


def of_all(profile: Profile, wanted: Wanted) -> Question:
    """For all radios."""
    return _question(wanted, ((column, oid_of(profile, column)) for column in wanted.columns), ())


def of_rows(profile: Profile, wanted: Wanted, rows: Iterable[Row]) -> Question:
    """For the radios of these rows: single values where the index tells them, else the part of a column that
    belongs to the radio, else the whole column."""
    walked: list[tuple[ColumnOf, Oid]] = []
    instances: list[Oid] = []
    for row in rows:
        for column in wanted.columns:
            oid = oid_of(profile, column)
            suffix, whole = _suffix(profile, column[0], row)
            if whole:
                instances.append(f"{oid}.{suffix}")
            else:
                walked.append((column, f"{oid}.{suffix}" if suffix else oid))
    return _question(wanted, walked, instances)


def _question(wanted: Wanted, walked: Iterable[tuple[ColumnOf, Oid]], instances: Iterable[Oid]) -> Question:
    groups: dict[str, dict[Oid, None]] = {}
    for (table, _), oid in walked:
        groups.setdefault(table if table in wanted.long else "", {})[oid] = None
    together = groups.pop("", {})
    return Question(
        walked=tuple(together),
        instances=tuple(dict.fromkeys((*wanted.instances, *instances))),
        apart=tuple(tuple(group) for group in groups.values()),
    )


def _suffix(profile: Profile, table: str, row: Row) -> tuple[str, bool]:
    """The index of the row's counterpart in a table, and whether it is the whole of it."""
    index = profile.tables[table].index
    if index == profile.tables[row.table].index:
        return row.suffix, True
    shape = tuple(index.items())
    known = index.keys() <= row.parts.keys() and "any_mac" not in index.values()
    return parse_index.suffix_of(shape, row.parts), known


def oid_of(profile: Profile, column: ColumnOf) -> Oid:
    return f"{profile.tables[column[0]].oid}.{column[1]}"


def identity_oids(profile: Profile) -> tuple[Oid, ...]:
    """What is read to know who it is, and whether it is still the same."""
    found = [source.oid for _, source in sources_of(profile.identity) if source.oid is not None]
    return tuple(dict.fromkeys(found))


def wanted(profile: Profile, tables: frozenset[Table], *, models: bool = False) -> Wanted:
    """What these tables take. ``models``: those of the APs too, which nobody needs twice."""
    columns: dict[ColumnOf, None] = {}
    instances: dict[Oid, None] = {}
    rows: dict[str, None] = {}
    for table, source in _sources(profile, tables, models=models):
        rows[table] = None
        if source.oid is not None:
            instances[source.oid] = None
        for column in columns_in(source):
            columns[column_of(column, table)] = None
    for column in _bare(profile, tables):
        columns[column_of(column, profile.radios.table)] = None
    for table in (*rows, *(name for name, _ in tuple(columns))):
        for sources in profile.tables[table].keys.values():
            columns |= {column_of(each, table): None for source in sources for each in columns_in(source)}
    return Wanted(columns=tuple(columns), instances=tuple(instances), long=_long(profile, tables, columns))


def _long(profile: Profile, tables: frozenset[Table], columns: Iterable[ColumnOf]) -> frozenset[str]:
    """Tables that only clients and neighbours take, and that are not of radios."""
    if not tables & LONG:
        return frozenset()
    others = {table for table, _ in wanted(profile, tables - LONG).columns}
    own = profile.tables[profile.radios.table].index
    return frozenset(
        table for table, _ in columns if table not in others and profile.tables[table].index != own
    )


def with_told(profile: Profile, wanted: Wanted, *scopes: str) -> Wanted:
    """And what tells what is configured, for settings of these scopes: asked only at the beginning, and
    before and after a write."""
    told = [
        column
        for write in profile.set.values()
        if write.scope in scopes
        for column in told_by(write, profile.radios.table)
    ]
    return replace(wanted, columns=tuple(dict.fromkeys((*wanted.columns, *told))))


def told_by(write: Write, table: str) -> list[ColumnOf]:
    """Columns that tell what is configured, and by whom."""
    sources = (*write.told, *write.owned)
    return [column_of(column, table) for source in sources for column in columns_in(source)]


def columns_in(source: Source) -> tuple[str, ...]:
    own = () if source.column is None else (source.column,)
    return (*own, *source.when, *source.unless)


def column_of(column: str, table: str) -> ColumnOf:
    """A bare number is of this table."""
    other, dot, number = column.rpartition(".")
    return (other, number) if dot else (table, column)


def _sources(profile: Profile, tables: frozenset[Table], *, models: bool) -> Iterator[tuple[str, Source]]:
    """Table of the row for which it is read, and source."""
    own = profile.radios.table
    yield from _of(own, profile.radios)
    if profile.aps is not None:
        yield from _of(profile.aps.table, profile.aps, () if models else ("model",))
    skipped = () if Table.STATUS in tables else tuple(type(profile.status).model_fields.keys() - _ALWAYS)
    yield from _of(own, profile.status, skipped)
    if Table.STATUS in tables and profile.radar is not None:
        yield from _of(profile.radar.table, profile.radar)
    if Table.SURVEY in tables:
        yield from _of(own, profile.gauges)
        yield from _of(profile.survey.table if profile.survey else own, profile.survey)
    if Table.COUNTERS in tables:
        yield from _of(own, profile.counters)
    if Table.CLIENTS in tables and profile.clients is not None:
        yield from ((own, source) for source in profile.clients.count)
        yield from _of(profile.clients.table or own, profile.clients, ("count",))
    if Table.NEIGHBORS in tables:
        for section in profile.neighbors:
            yield from _of(section.table, section)


def _of(table: str, part: Part | None, but: tuple[str, ...] = ()) -> Iterator[tuple[str, Source]]:
    if part is not None:
        yield from ((table, source) for name, source in sources_of(part) if name not in but)


def _bare(profile: Profile, tables: frozenset[Table]) -> Iterator[str]:
    """Columns that are looked at as they are."""
    yield from profile.radios.where
    if Table.COUNTERS in tables and profile.counters is not None:
        yield from (*profile.counters.letters, *profile.counters.at_most, *profile.counters.at_most.values())

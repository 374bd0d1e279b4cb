"""One poll's varbinds as tables: columns, rows, and which rows belong together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from drivers.errors import Garbage
from drivers.notifications import Oid, Value
from drivers.snmp import parse_index
from drivers.snmp.parse_index import NoSuchShape, PartValue, Shape
from drivers.snmp.parse_value import Result, converted
from drivers.snmp.profile import Profile
from drivers.snmp.source import Source

Column = Mapping[str, Value]
"""Values of one column by the numbers of the row's index."""
EMPTY: Column = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table: the numbers of its index, and what its parts are."""

    table: str
    suffix: str
    parts: Mapping[str, PartValue]


@dataclass(frozen=True, slots=True)
class _Place:
    """A column as seen from the rows of one table. ``beside``: its row has the same index; else it is
    joined."""

    oid: Oid
    table: str
    values: Column
    beside: bool


@dataclass(slots=True)
class Answer:
    """What a device answered to the columns that were asked for, by the profile's tables."""

    profile: Profile
    values: Mapping[Oid, Value]
    _columns: dict[str, dict[str, Value]] = field(init=False)
    _shapes: dict[str, Shape] = field(init=False)
    _rows: dict[str, list[Row]] = field(default_factory=dict)
    _places: dict[tuple[str, str], _Place] = field(default_factory=dict)
    _shared: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    _groups: dict[tuple[str, tuple[str, ...]], dict[tuple[PartValue, ...], list[Row]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        tables = self.profile.tables
        self._columns = bucketed(self.values, [shape.oid for shape in tables.values()])
        self._shapes = {name: tuple(shape.index.items()) for name, shape in tables.items()}

    def column(self, table: str, number: str) -> Column:
        return self._columns.get(f"{self.profile.tables[table].oid}.{number}", EMPTY)

    def rows(self, table: str) -> list[Row]:
        """All rows of which any column answered; those whose index has another shape are left out."""
        if (known := self._rows.get(table)) is None:
            known = self._rows[table] = list(self._made(table))
        return known

    def _made(self, table: str) -> Iterator[Row]:
        shape, start = self._shapes[table], f"{self.profile.tables[table].oid}."
        suffixes = dict.fromkeys(
            suffix for oid, column in self._columns.items() if oid.startswith(start) for suffix in column
        )
        for suffix in suffixes:
            try:
                parts = parse_index.parts(shape, suffix)
            except NoSuchShape:
                continue
            row = Row(table=table, suffix=suffix, parts=parts)
            yield self._keyed(row) if self.profile.tables[table].keys else row

    def _keyed(self, row: Row) -> Row:
        """With the names that columns give it. One that can't be read joins nothing."""
        keys = {}
        for name, sources in self.profile.tables[row.table].keys.items():
            try:
                keys[name] = self.first(sources, row)
            except Garbage:
                keys[name] = None
        return Row(table=row.table, suffix=row.suffix, parts={**row.parts, **_told(keys)})

    def first(self, sources: Iterable[Source], row: Row) -> Result | None:
        """The first value that these sources yield for this row; None: not reported. Raises Garbage."""
        for source in sources:
            if (value := self._value(source, row)) is not None:
                return value
        return None

    def found(self, sources: Iterable[Source], row: Row) -> tuple[Result, str] | None:
        """What `first` yields, and where it was: the column, or whatever else the source names."""
        for source in sources:
            if (value := self._value(source, row)) is not None:
                if source.column is not None:
                    return value, self._place(source.column, row.table).oid
                return value, source.oid or source.part or "constant"
        return None

    def _place(self, column: str, table: str) -> _Place:
        """A bare number is of the row's own table."""
        if (known := self._places.get((column, table))) is not None:
            return known
        other, dot, number = column.rpartition(".")
        other = other if dot else table
        oid = f"{self.profile.tables[other].oid}.{number}"
        beside = other == table or self._shapes[other] == self._shapes[table]
        made = _Place(oid, other, self._columns.get(oid, EMPTY), beside)
        self._places[column, table] = made
        return made

    def _value(self, source: Source, row: Row) -> Result | None:
        if source.column is None:
            raw = self._apart(source, row)
            return None if raw is None or not self._applies(source, row) else converted(source, raw)
        place = self._place(source.column, row.table)
        if not place.values:
            return None
        if place.beside:
            raw = place.values.get(row.suffix)
            if raw is None or ((source.when or source.unless) and not self._applies(source, row)):
                return None
            return converted(source, raw)
        found = self._each(source, place, row)
        return _reduced(source.reduce, list(found.values())) if found else None

    def _each(self, source: Source, place: _Place, row: Row) -> dict[str, Result]:
        """What the rows of another table that belong to this one say, by their index."""
        return {
            other.suffix: value
            for other in self.joined(place.table, row)
            if (raw := place.values.get(other.suffix)) is not None
            and self._applies(source, other, row)
            and (value := converted(source, raw)) is not None
        }

    def summands(self, sources: Iterable[Source], row: Row) -> dict[str, Result]:
        """What `first` yields, taken apart where it is a sum: each by the index of its row."""
        for source in sources:
            place = None if source.column is None else self._place(source.column, row.table)
            if source.reduce == "sum" and place is not None and not place.beside:
                found = self._each(source, place, row)
            else:
                value = self._value(source, row)
                found = {} if value is None else {row.suffix: value}
            if found:
                return found
        return {}

    def _apart(self, source: Source, row: Row) -> Value | None:
        """Of a source that is no column."""
        if source.oid is not None:
            return self.values.get(source.oid)
        raw = row.parts.get(source.part) if source.part is not None else source.const
        return raw if not isinstance(raw, float) else str(raw)

    def _applies(self, source: Source, row: Row, also: Row | None = None) -> bool:
        if source.when and not self.holds(source.when, row, also):
            return False
        return not source.unless or not self.holds(source.unless, row, also)

    def holds(
        self, when: Mapping[str, tuple[int | float | str, ...]], row: Row, also: Row | None = None
    ) -> bool:
        """True when each of these columns of the row (or of the row it is joined to) has one of the
        values."""
        for name, allowed in when.items():
            place = self._place(name, row.table)
            at = row if place.table == row.table or also is None else also
            raw = place.values.get(at.suffix)
            told = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
            if told not in allowed:
                return False
        return True

    def number_at(self, column: str, row: Row) -> int | None:
        """What the device says there, unconverted; None: no number."""
        raw = self._place(column, row.table).values.get(row.suffix)
        return raw if isinstance(raw, int) else None

    def joined(self, table: str, row: Row) -> list[Row]:
        """Rows of another table whose parts of the same name are equal."""
        names = self._names(table, row)
        groups = self._groups.get((table, names))
        if groups is None:
            groups = self._groups[table, names] = {}
            for other in self.rows(table):
                if all(name in other.parts for name in names):
                    groups.setdefault(tuple(other.parts[name] for name in names), []).append(other)
        return groups.get(tuple([row.parts[name] for name in names]), [])

    def _names(self, table: str, row: Row) -> tuple[str, ...]:
        """Of the parts and keys of a table those that rows of another have too."""
        if (known := self._shared.get((table, row.table))) is None:
            shape = self.profile.tables[table]
            known = tuple(name for name in (*shape.index, *shape.keys) if name in row.parts)
            if not self.profile.tables[row.table].keys:  # a key may be missing from one row alone
                self._shared[table, row.table] = known
        return known


def _told(keys: Mapping[str, Result | None]) -> dict[str, PartValue]:
    return {name: value for name, value in keys.items() if isinstance(value, int | str)}


def _reduced(how: str, found: list[Result]) -> Result:
    if how == "first":
        return found[0]
    numbers = [each for each in found if isinstance(each, int | float)]
    if len(numbers) != len(found):
        raise Garbage(f"a text among the numbers of which the {how} was asked")
    if how == "sum":
        return sum(numbers)
    if how == "mean":
        return sum(numbers) / len(numbers)
    return max(numbers) if how == "max" else min(numbers)


def bucketed(values: Mapping[Oid, Value], entries: Iterable[Oid]) -> dict[str, dict[str, Value]]:
    """Column OID -> index -> value, of what lies below these entries."""
    starts = sorted({f"{entry}." for entry in entries}, key=len, reverse=True)
    shortest = min(map(len, starts), default=0)
    by_head: dict[str, list[str]] = {}
    for start in starts:
        by_head.setdefault(start[:shortest], []).append(start)
    columns: dict[str, dict[str, Value]] = {}
    for oid, value in values.items():
        for start in by_head.get(oid[:shortest], ()):
            if oid.startswith(start):
                number, _, suffix = oid[len(start) :].partition(".")
                columns.setdefault(start + number, {})[suffix] = value
                break
    return columns

"""One notification, read by the words of a group of its profile. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.notifications import Notification, Oid, Value
from drivers.snmp import parse_index
from drivers.snmp.notify_words import Condition, Group, Meaning
from drivers.snmp.parse_index import NoSuchShape, PartValue
from drivers.snmp.parse_value import Result, converted
from drivers.snmp.profile import Profile
from drivers.snmp.source import Source, Sources

_BITS: Final = 8


class Trap:
    """One notification, read by the words of a group."""

    def __init__(self, profile: Profile, group: Group, notification: Notification) -> None:
        self.profile = profile
        self.group = group
        self.notification = notification
        self._parts: dict[str, PartValue] | None = None

    def first(self, sources: Sources) -> Result | None:
        """The first value that these yield; None: the trap does not say. Raises Garbage."""
        for source in sources:
            if (raw := self._raw(source)) is not None and (value := converted(source, raw)) is not None:
                return value
        return None

    def number(self, sources: Sources) -> int | None:
        value = self.first(sources)
        return round(value) if isinstance(value, int | float) else None

    def is_meant(self, meaning: Meaning) -> bool:
        return (meaning.when is None or self.holds(meaning.when)) and (
            meaning.unless is None or not self.holds(meaning.unless)
        )

    def holds(self, condition: Condition) -> bool:
        raw = self._raw(condition.at)
        if raw is None:
            return False
        if condition.bit is None:
            return converted(condition.at, raw) in condition.is_
        octet, bit = divmod(condition.bit, _BITS)
        return isinstance(raw, bytes) and octet < len(raw) and bool(raw[octet] & 0x80 >> bit)

    def _raw(self, source: Source) -> Value | None:
        if source.const is not None:
            return source.const if not isinstance(source.const, float) else round(source.const)
        if source.part is not None:
            return self._index().get(source.part)
        wanted = source.oid or self._column(source.column or "")
        below = wanted + "."
        return next(
            (v for oid, v in self.notification.varbinds.items() if oid == wanted or oid.startswith(below)),
            None,
        )

    def _column(self, column: str) -> Oid:
        table, dot, number = column.partition(".")
        return f"{self.profile.tables[table].oid}.{number}" if dot else f"{self.group.variables}.{column}"

    def _index(self) -> Mapping[str, PartValue]:
        """Parts of the indices that stand behind columns of the profile's tables."""
        if self._parts is None:
            self._parts = {}
            for oid in self.notification.varbinds:
                for name, value in self._parts_of(oid).items():
                    self._parts.setdefault(name, value)
        return self._parts

    def _parts_of(self, oid: Oid) -> Mapping[str, PartValue]:
        for table in self.profile.tables.values():
            if not oid.startswith(f"{table.oid}."):
                continue
            suffix = oid.removeprefix(f"{table.oid}.").partition(".")[2]
            shape = tuple(table.index.items())
            counted = tuple((name, "counted_mac" if kind == "mac" else kind) for name, kind in shape)
            for each in (shape, counted):  # some firmware writes a length before a MAC, also where it has one
                try:
                    return parse_index.parts(each, suffix)
                except NoSuchShape:
                    continue
        return {}

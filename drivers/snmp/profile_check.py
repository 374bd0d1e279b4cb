"""What a profile says that could only fail later: words that do not exist, rows that can't be found. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from drivers.snmp.profile import Profile, Step, TableShape, Write
from drivers.snmp.source import Source, Sources
from drivers.types import RadioState, Setting
from inventory.model import Band

Path = tuple[str | int, ...]
Mistake = tuple[Path, str]
"""Path within the file, and what was expected there."""

_STATES: Final = tuple(state.value for state in RadioState)


def mistakes(profile: Profile) -> Iterator[Mistake]:
    """All of them, in the order of the sections."""
    for check in _CHECKS:
        yield from check(profile)


def _words(profile: Profile) -> Iterator[Mistake]:
    yield from _told(("radios", "band"), profile.radios.band, tuple(band.value for band in Band))
    yield from _told(("status", "state"), profile.status.state, _STATES)


def _told(at: Path, sources: Sources, known: tuple[str, ...]) -> Iterator[Mistake]:
    """What these sources make of a value must be one of the known words, as far as it can be seen here."""
    expected = f"one of {', '.join(known)}"
    for number, source in enumerate(sources):
        if source.times != 1 or source.plus or source.unit is not None:
            continue
        for key, word in (source.map or {}).items():
            if str(word) not in known:
                yield (*at, number, "map", str(key)), expected
        if source.const is not None and source.map is None and str(source.const) not in known:
            yield (*at, number, "const"), expected


def _keys(profile: Profile) -> Iterator[Mistake]:
    """A key joins rows of two tables: another one must have the name, and its own row must tell it."""
    for name, shape in profile.tables.items():
        others = [other for each, other in profile.tables.items() if each != name]
        joinable = sorted({part for other in others for part in (*other.index, *other.keys)})
        for key, sources in shape.keys.items():
            at: Path = ("tables", name, "keys", key)
            if key in shape.index:
                yield at, "another name than that of a part of the same index"
            elif key not in joinable:
                yield at, f"a name that another table has too ({', '.join(joinable) or 'there is none'})"
            if not all(_is_beside(profile, name, source) for source in sources):
                yield at, f"a column of the table {name}, or of one with the same index"


def _is_beside(profile: Profile, table: str, source: Source) -> bool:
    other, dot, _ = (source.column or "").partition(".")
    return not dot or _same_index(profile.tables[other], profile.tables[table])


def _same_index(one: TableShape, other: TableShape) -> bool:
    return tuple(one.index.items()) == tuple(other.index.items())


def _also(profile: Profile) -> Iterator[Mistake]:
    own = profile.tables[profile.radios.table]
    for number, name in enumerate(profile.radios.also):
        if not _same_index(profile.tables[name], own):
            yield ("radios", "also", number), f"a table with the same index as {profile.radios.table}"


def _writes(profile: Profile) -> Iterator[Mistake]:
    for setting, write in profile.set.items():
        at: Path = ("set", setting.value)
        yield from _steps(profile, (*at, "steps"), write.steps, setting, write)
        for number, (low, high) in enumerate(write.allowed):
            if low > high:
                yield (*at, "allowed", number), "the lower value first"
    yield from _steps(profile, ("release",), profile.release)
    yield from _steps(profile, ("restart",), profile.restart)


def _steps(
    profile: Profile,
    at: Path,
    steps: tuple[Step, ...],
    setting: Setting | None = None,
    write: Write | None = None,
) -> Iterator[Mistake]:
    """An edit of one setting knows nothing of the others, an action of none."""
    for number, step in enumerate(steps):
        if step.of is not None and step.of is not setting:
            yield (*at, number, "of"), f"{setting}, what is being set" if setting else "const: nothing is set"
        table = step.column.partition(".")[0]
        if write is not None and write.scope != "radio":
            first = write.steps[0].column.partition(".")[0]
            if table != first:
                yield (*at, number, "column"), f"a column of {first}, which the rows are of"
        else:
            if lost := _not_told(profile, table):
                told = f"a table whose rows a row of {profile.radios.table} names; nothing tells {lost}"
                yield (*at, number, "column"), told


def _not_told(profile: Profile, table: str) -> str:
    """Parts of the table's index that a radio's row does not give."""
    if table == profile.radios.table:
        return ""
    own = profile.tables[profile.radios.table]
    given = {*own.index, *own.keys}
    parts = profile.tables[table].index.items()
    return ", ".join(name for name, kind in parts if name not in given or kind == "any_mac")


_CHECKS: Final[tuple[Callable[[Profile], Iterator[Mistake]], ...]] = (_words, _keys, _also, _writes)

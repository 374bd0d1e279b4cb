"""The SETs that an edit takes, and how they are shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.errors import Refused, Unsupported
from drivers.snmp import parse_index
from drivers.snmp.parse_answer import Row
from drivers.snmp.profile import Profile, Step
from drivers.snmp.session import Assignment
from drivers.types import Setting, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One SET: all of its varbinds, or none."""

    assignments: tuple[Assignment, ...]
    text: str


def commands(
    profile: Profile,
    steps: Iterable[tuple[Step, Values]],
    row: Row,
    choices: tuple[int, ...] | None = None,
    *,
    below: bool = False,
) -> tuple[Command, ...]:
    """In order, each with the values it is taken from; what would be set twice to the same is set once.
    ``choices``: the radio's powers, loudest first; ``below``: most of the block is below its primary channel.
    Raises Refused for a value that the device has no word for."""
    made: list[list[tuple[Assignment, str]]] = []
    known: set[Assignment] = set()
    for step, values in steps:
        one = _assignment(profile, step, row, values, choices, below)
        if one in known:
            continue
        known.add(one)
        shown = (one, _shown(step, one, values))
        if step.joined and made:
            made[-1].append(shown)
        else:
            made.append([shown])
    return tuple(
        Command(assignments=tuple(one for one, _ in group), text="; ".join(text for _, text in group))
        for group in made
    )


def _assignment(
    profile: Profile, step: Step, row: Row, values: Values, choices: tuple[int, ...] | None, below: bool
) -> Assignment:
    table, _, number = step.column.partition(".")
    oid = f"{profile.tables[table].oid}.{number}.{suffix_in(profile, table, row)}"
    value = _value(step, values, choices, below)
    return Assignment(oid=oid, value=value.encode() if isinstance(value, str) else value, syntax=step.syntax)


def suffix_in(profile: Profile, table: str, row: Row) -> str:
    """The row of another table that stands for the same radio. Raises Unsupported where its index has
    more."""
    if table == row.table:
        return row.suffix
    shape = tuple(profile.tables[table].index.items())
    if missing := [name for name, _ in shape if name not in row.parts]:
        raise Unsupported(f"{table}: nothing tells the {', '.join(missing)} of {row.table} {row.suffix}")
    return parse_index.suffix_of(shape, row.parts)


def _value(step: Step, values: Values, choices: tuple[int, ...] | None, below: bool) -> int | str:
    if step.of is None:
        return step.const if isinstance(step.const, str) else int(step.const or 0)
    wanted = values[step.of]
    if step.choice:
        if choices is None or wanted not in choices:
            told = "not told" if choices is None else ", ".join(map(str, choices))
            raise Refused(f"{step.of} {wanted}: the radio's own choices are {told}")
        return choices.index(wanted) + 1
    if step.map is not None:
        if wanted not in step.map:
            known = ", ".join(str(each) for each in step.map if each >= 0)
            raise Refused(f"{step.of} {wanted}: the device knows {known}")
        return step.map[-wanted] if below and -wanted in step.map else step.map[wanted]
    return round(wanted * step.times)


def _shown(step: Step, one: Assignment, values: Values) -> str:
    value = one.value.decode("utf-8", "replace") if isinstance(one.value, bytes) else one.value
    told = f"{step.of} {values[step.of]}" if step.of is not None else step.note
    return f"set {one.oid} = {value}" + (f" ({told})" if told else "")


def settings_in(values: Values, order: Mapping[Setting, object]) -> list[Setting]:
    """Of the values, those that the profile sets, in its order."""
    return [setting for setting in order if setting in values]

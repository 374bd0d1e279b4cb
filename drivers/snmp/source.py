"""A source of a profile: where a value is found, and what turns the device's number into ours.

No behaviour beyond checking what was written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def as_typed(raw: Any) -> Any:
    """Text of the file that is a number is one: the file is read without types."""
    for number in (int, float):
        try:
            typed = number(raw) if isinstance(raw, str) else raw
        except ValueError:
            continue
        return typed if not isinstance(typed, float) or math.isfinite(typed) else raw
    return raw


def as_list(raw: Any) -> Any:
    """One need not be a list."""
    return raw if isinstance(raw, list | tuple) else [raw]


Scalar = Annotated[int | float | str, BeforeValidator(as_typed)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
OidText = Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9]\d{0,9})){1,127}$")]
ColumnName = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,31}\.)?\d{1,5}$")]
"""A number (of the row's own table) or ``table.number``."""
Scalars = Annotated[tuple[Scalar, ...], BeforeValidator(as_list)]
Oids = Annotated[tuple[OidText, ...], BeforeValidator(as_list)]
IndexPart = Literal["int", "mac", "counted_mac", "any_mac", "text", "counted_text", "ip", "rest"]
"""How a part of an index is coded: one number; 6 octets; a length and 6 octets; either of these two, as the
index has one number more or not; octets of a text to the end;
a length and so many octets; 4 octets; all that is left, as it is."""


def _compiled(text: str) -> re.Pattern[str]:
    """ValueError says what is wrong: re has errors of its own, and those of what it stumbles over."""
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression ({error})") from None


def _is_pattern(text: str) -> str:
    if _compiled(text).groups != 1:
        raise ValueError("a pattern with exactly one group: what it picks out")
    return text


def _is_expression(text: str) -> str:
    return _compiled(text).pattern


Pattern = Annotated[str, AfterValidator(_is_pattern)]
Expression = Annotated[str, AfterValidator(_is_expression)]


class Part(BaseModel):
    """Of a profile: frozen, and a key that nobody knows is refused, as is a number that is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Part):
    """Where a value is found, and what makes it ours. Exactly one of ``column``, ``part``, ``oid``,
    ``const``.

    ``column``: a number (of the row's own table) or ``table.number``; ``part``: of the row's index; ``oid``:
    one instance, the same for all rows. Then, in this order: ``when`` (columns that must have one of these
    values), ``unless`` (columns that must not), ``only`` (values of the other kind are none of this
    source's), ``none`` (values that mean "not reported"), ``pattern`` (what the group picks out; no match:
    not reported), ``as``, ``shift`` right and ``mask``, ``signed`` (bits of a two's complement), ``map`` (a
    value that is not in it is not reported, unless it has ``*``), ``times`` and ``plus``, ``unit`` (mhz ->
    channel, mw -> dBm, percent -> ratio), ``range`` (outside it the device talks nonsense: the whole row is
    refused). ``reduce``: of many rows.
    """

    column: ColumnName | None = None
    part: Name | None = None
    oid: OidText | None = None
    const: Scalar | None = None
    when: Mapping[str, Scalars] = Field(default_factory=dict)
    unless: Mapping[str, Scalars] = Field(default_factory=dict)
    only: Literal["integer", "text"] | None = None
    none: Scalars = ()
    pattern: Pattern | None = None
    as_: Literal["mac", "text", "hex"] | None = Field(None, alias="as")
    shift: int = Field(0, ge=0, le=31)
    mask: int | None = Field(None, ge=1)
    signed: Annotated[Literal[8, 16, 32] | None, BeforeValidator(as_typed)] = None
    map: Mapping[Scalar, Scalar] | None = None
    times: float = 1.0
    plus: float = 0.0
    unit: Literal["mhz", "mw", "percent"] | None = None
    range: tuple[float, float] | None = None
    reduce: Literal["first", "sum", "max", "min", "mean"] = "first"

    def __hash__(self) -> int:
        """A source is one place of one profile: what it made of a value is remembered by it."""
        return id(self)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        """Nothing but a number or ``table.number`` is a column."""
        return {"column": raw} if isinstance(raw, str) else raw

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if sum(each is not None for each in (self.column, self.part, self.oid, self.const)) != 1:
            raise ValueError("a source has exactly one of column, part, oid, const")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError("range: the lower value first")
        return self


Sources = Annotated[tuple[Source, ...], BeforeValidator(as_list)]
"""Alternatives: the first that yields a value is the value. One source need not be a list."""

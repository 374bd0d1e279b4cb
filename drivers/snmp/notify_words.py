"""What a vendor's traps mean: the models of the section `notifications` of a profile (docs/traps.md).

The values of a trap are *sources*, as everywhere in a profile, but of varbinds: a bare number is a variable
below ``variables``, ``table.number`` a column of a table of the profile, ``oid`` any other object, and
``part`` a part of the index that stands behind any column of such a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field, model_validator

from drivers.snmp.profile import Profile, sources_of
from drivers.snmp.source import Name, OidText, Part, Scalar, Source, Sources


class Means(StrEnum):
    """What a trap can mean."""

    RADAR = "radar"
    RADAR_CLEARED = "radar_cleared"  # the device says the channel may be used again: a reason to read it
    CHANNEL_CHANGED = "channel_changed"
    RADIO_DOWN = "radio_down"
    RADIO_UP = "radio_up"
    INTERFERENCE = "interference"  # the device says that it is not Wi-Fi
    ROGUE = "rogue"
    ATTACK = "attack"
    FAULT = "fault"  # of the radio's hardware or firmware
    CLIENT_LEFT = "client_left"
    POLL = "poll"  # nothing that it says is of use, but the device should be read now


NEEDS: Final[Mapping[Means, str]] = MappingProxyType(
    {
        Means.RADAR_CLEARED: "channel",
        Means.CHANNEL_CHANGED: "channel",
        Means.ROGUE: "bssid",
        Means.ATTACK: "what",
        Means.FAULT: "what",
        Means.CLIENT_LEFT: "client",
    }
)
"""What a trap that means this must say."""


class Condition(Part):
    """Holds if the source yields one of the values ``is``, or has the ``bit`` of an SNMP BITS set."""

    at: Source
    is_: tuple[Scalar, ...] = Field((), alias="is")
    bit: int | None = Field(None, ge=0, le=255)

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        if bool(self.is_) is (self.bit is not None):
            raise ValueError("a condition has exactly one of is, bit")
        return self


class Meaning(Part):
    """One meaning of one trap; a trap may have several. ``trap``: what follows ``base`` of the group.

    ``when``: only then it means this; ``unless``: then not. ``channel``: for radar where it was heard, else
    where the radio is now; ``moved_to``: for radar whose channel the trap does not say, where the radio went.
    ``what``: the vendor's own name of it, ``what_from``: where the trap says it. ``over``: it is gone.
    ``duty_ratio``: 0..1 of the air.
    """

    trap: str = Field(pattern=r"^\d{1,10}(\.\d{1,10})*$")
    means: Means
    when: Condition | None = None
    unless: Condition | None = None
    moved_to: Sources = ()
    channel: Sources = ()
    what: str = ""
    what_from: Sources = ()
    over: bool = False
    over_when: Condition | None = None
    duty_ratio: Sources = ()
    bssid: Sources = ()
    ssid: Sources = ()
    signal_dbm: Sources = ()
    on_wire: bool = False
    on_wire_when: Condition | None = None
    impersonates: bool = False
    jamming: bool = False
    client: Sources = ()

    @model_validator(mode="after")
    def _says_enough(self) -> Meaning:
        needed = NEEDS.get(self.means)
        if needed is not None and not getattr(self, needed):
            raise ValueError(f"{self.means} needs {needed}")
        return self


class Group(Part):
    """Traps below ``base`` that name the radio the same way.

    ``radio``: which radio they are about: name of a part of the radio's index, or ``ap_mac``, ``ap_name``,
    ``name``, ``band``, and where the trap says it. All that it says must agree; a trap that names an AP alone
    is about each of its radios.
    """

    base: OidText
    variables: OidText | None = None
    radio: Mapping[Name, Sources] = Field(default_factory=dict)
    traps: tuple[Meaning, ...]

    @model_validator(mode="after")
    def _some(self) -> Group:
        if not self.traps:
            raise ValueError("a group has at least one trap")
        return self


class Section(Part):
    """All that a profile says of traps."""

    notifications: tuple[Group, ...] = ()


def section_of(profile: Profile) -> Section:
    """Raises pydantic's ValidationError, with the path from the top of the file."""
    return Section.model_validate({"notifications": profile.notifications})


Path = tuple[str | int, ...]
_OF_ALL: Final = frozenset({"ap_mac", "ap_name", "name", "band"})
"""What a radio can be named by besides the parts of its index."""


def mistakes(profile: Profile, section: Section) -> Iterator[tuple[Path, str]]:
    """What the section names and the profile has not: path within the file, and what was expected there."""
    known = {*_OF_ALL, *profile.tables[profile.radios.table].index}
    for number, group in enumerate(section.notifications):
        at: Path = ("notifications", number)
        for name, sources in group.radio.items():
            if name not in known:
                yield (*at, "radio", name), f"one of {', '.join(sorted(known))}"
            yield from _lost(profile, group, (*at, "radio", name), sources)
        for which, meaning in enumerate(group.traps):
            here: Path = (*at, "traps", which)
            for name, source in sources_of(meaning):
                yield from _lost(profile, group, (*here, name), (source,))
            for name in ("when", "unless", "over_when", "on_wire_when"):
                if (condition := getattr(meaning, name)) is not None:
                    yield from _lost(profile, group, (*here, name), (condition.at,))


def _lost(profile: Profile, group: Group, at: Path, sources: Sources) -> Iterator[tuple[Path, str]]:
    for source in sources:
        table, dot, _ = (source.column or "").partition(".")
        if dot and table not in profile.tables:
            yield at, f"a table of the profile: {', '.join(sorted(profile.tables))}"
        elif source.column is not None and not dot and group.variables is None:
            yield at, "the key variables beside base, for a bare number"
        parts = {name for shape in profile.tables.values() for name in shape.index}
        if source.part is not None and source.part not in parts:
            yield at, f"a part of an index: {', '.join(sorted(parts))}"

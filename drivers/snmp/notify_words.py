"""What a vendor's traps mean: the models of the section `notifications` of a profile (docs/traps.md).

The values of a trap are *sources*, as everywhere in a profile, but of varbinds: a bare number is a variable
below ``variables``, ``table.number`` a column of a table of the profile, ``oid`` any other object, and
``part`` a part of the index that stands behind any column of such a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field, model_validator

from drivers.snmp.profile import Name, OidText, Part, Scalar, Source, Sources


class Means(StrEnum):
    """What a trap can mean."""

    RADAR = "radar"
    RADAR_CLEARED = "radar_cleared"  # the channel may be used again
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
    traps: tuple[Meaning, ...] = Field(min_length=1)

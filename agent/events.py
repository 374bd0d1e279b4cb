"""Events: what happened at a site, once each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from inventory.model import RadioKey


class EventKind(StrEnum):
    DFS_RADAR = "DFS_RADAR"
    NON_WIFI_BURST = "NON_WIFI_BURST"
    SPECTRUM_SAT = "SPECTRUM_SAT"
    DENSITY_SPIKE = "DENSITY_SPIKE"
    HW_FAILURE = "HW_FAILURE"
    SECURITY = "SECURITY"
    EMERGENCY_QOE = "EMERGENCY_QOE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. ``key`` de-duplicates: one open event per site, kind and key.

    ``confidence_ppm``: 0..1,000,000. ``cleared_utc_us`` None = still open. ``radio`` None = of the site.
    """

    id: str
    site: str
    kind: EventKind
    key: str
    radio: RadioKey | None
    severity: str
    confidence_ppm: int
    raised_utc_us: int
    cleared_utc_us: int | None = None
    drill: bool = False
    evidence: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

"""Which detector finds which kind of event. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from agent.detectors.sight import Detector, SiteDetector
from agent.events import EventKind

DETECTORS: Mapping[EventKind, Detector] = MappingProxyType({})

SITE_DETECTORS: Mapping[EventKind, SiteDetector] = MappingProxyType({})

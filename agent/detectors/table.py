"""Which function looks for which kind of event. DFS_RADAR has a way of its own (`agent/radar.py`). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from agent.detectors.density import density
from agent.detectors.failure import failure
from agent.detectors.loss import loss
from agent.detectors.non_wifi import non_wifi
from agent.detectors.qoe import qoe
from agent.detectors.saturation import saturation
from agent.detectors.security import security
from agent.detectors.sight import Detector, SiteDetector
from agent.events import EventKind

DETECTORS: Mapping[EventKind, Detector] = MappingProxyType(
    {
        EventKind.HW_FAILURE: failure,
        EventKind.SECURITY: security,
        EventKind.EMERGENCY_QOE: qoe,
        EventKind.NON_WIFI_BURST: non_wifi,
        EventKind.SPECTRUM_SAT: saturation,
        EventKind.DENSITY_SPIKE: density,
    }
)
"""Of one radio, after each poll of its device and each signal about it."""

SITE_DETECTORS: Mapping[EventKind, SiteDetector] = MappingProxyType({EventKind.HW_FAILURE: loss})
"""Of all radios of a site; only needed while a device is lost or an event of the kind is open."""

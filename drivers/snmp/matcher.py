"""Which radio on the device is which of the inventory, and a word about those that are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from drivers.base import DeviceContext
from drivers.snmp.match import matched
from drivers.snmp.parse_radio import Located
from inventory.model import RadioKey

log = structlog.get_logger()


class Matcher:
    """Of one device; what is in doubt is logged once, until it is so no longer."""

    def __init__(self, context: DeviceContext) -> None:
        self._context = context
        self._told: Mapping[str, str] = {}

    def __call__(self, found: Sequence[Located]) -> Mapping[RadioKey, Located]:
        """The radios of the inventory that are there."""
        result = matched(self._context.aps, self._context.radios, found)
        for what, why in result.doubts.items():
            if self._told.get(what) != why:
                log.warning("radio.not_matched", device=self._context.config.id, what=what, why=why)
        self._told = result.doubts
        return result.radios

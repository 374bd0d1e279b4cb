"""What a snapshot says in the words of the site file -> Site, by the site file's own rules. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import available_timezones

from agent.planner.site import snapshot_words as words
from agent.planner.site.snapshot_error import SnapshotError, SnapshotErrors
from inventory.findings import Findings
from inventory.model import AccessPoint, DeviceConfig, Policy, Radio, Site, radio_key
from inventory.policy_words import read_policy
from inventory.radio_words import read_radio
from inventory.regulatory import countries
from inventory.schema import SiteWords
from inventory.site_error import SiteErrors, Steps
from inventory.yaml_text import Node, without_nulls

DRIVER: Final = "snapshot"
"""Of the devices of such a site: nobody can speak to them."""


def site_of(said: words.SnapshotWords) -> Site:
    """Raises SnapshotErrors."""
    found = Findings(DRIVER)
    try:
        head = _head(said.site, found)
        country = head.country if head else None
        policy = _policy(said.policy, country, found)
        aps = {id: _ap(id, each, head.id if head else "", country, found) for id, each in said.aps.items()}
        found.done()
    except SiteErrors as error:
        raise SnapshotErrors(SnapshotError(e.path, e.expected, e.got) for e in error.errors) from None
    if head is None or policy is None:
        raise AssertionError("what can not be read has an error")
    devices = {ap.device: DeviceConfig(id=ap.device, driver=DRIVER, address="") for ap in aps.values()}
    return Site(
        id=head.id,
        country=head.country,
        timezone=head.timezone,
        policy=policy,
        devices=MappingProxyType(devices),
        aps=MappingProxyType(aps),
    )


def errors_of_head(said: words.SiteWords) -> list[SnapshotError]:
    found = Findings(DRIVER)
    _head(said, found)
    return [SnapshotError(e.path, e.expected, e.got) for e in found.errors]


def _head(said: words.SiteWords, found: Findings) -> SiteWords | None:
    told = {"id": said.id, "country": said.country, "timezone": said.timezone or "UTC"}
    node, steps = _node(told), ("site",)
    head = found.read(SiteWords, node, steps)
    if head is None:
        return None
    if head.country not in countries():
        expected = "a country with regulatory rules (ISO 3166, two letters)"
        found.add(node.at(("country",)), (*steps, "country"), expected)
        return None
    if head.timezone not in available_timezones():
        found.add(node.at(("timezone",)), (*steps, "timezone"), "a time zone, such as Europe/Oslo")
    return head


def _policy(said: Any, country: str | None, found: Findings) -> Policy | None:
    return read_policy(without_nulls(_node({"policy": said})), country, found)


def _ap(id: str, said: words.ApWords, site: str, country: str | None, found: Findings) -> AccessPoint:
    x_y_z = said.position_m
    return AccessPoint(
        id=id,
        device=said.device or id,
        zone=said.zone,
        position_m=(x_y_z[0], x_y_z[1], x_y_z[2]) if x_y_z else None,
        radios=tuple(_radios(id, said, site, country, found)),
    )


def _radios(ap: str, said: words.ApWords, site: str, country: str | None, found: Findings) -> Iterator[Radio]:
    for name, each in said.radios.items():
        steps: Steps = ("aps", ap, "radios", name)
        node = without_nulls(_node(each.configured))
        radio = read_radio(node, radio_key(site, ap, name), steps, country, found)
        if radio is not None:
            yield radio


def _node(value: Any) -> Node:
    """What the rules of the site file read: scalars are text there. Each value has its own line: the same
    mistake in two places counts twice."""
    return _Numbered().node(value)


@dataclass(slots=True)
class _Numbered:
    line: int = 0

    def node(self, value: Any) -> Node:
        self.line += 1
        return Node(self.line, 0, self._value(value))

    def _value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(name): self.node(each) for name, each in value.items()}
        if isinstance(value, list):
            return tuple(self.node(each) for each in value)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return _decimal(value)
        return value if value is None else str(value)


def _decimal(value: float) -> str:
    """Without an exponent where that can be said in 15 digits; 5.0 is 5, as a person would write it."""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = repr(value)
    return f"{value:.15f}" if "e-" in text else text

"""The bytes of one site file -> :class:`Site`: sections read one by one, groups merged into APs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final
from zoneinfo import available_timezones

from inventory.device_words import DriverSchemas, check_no_secrets, device_config
from inventory.findings import Findings
from inventory.model import AccessPoint, DeviceConfig, Radio, Site, radio_key
from inventory.policy_words import read_policy
from inventory.radio_words import read_radio
from inventory.regulatory import countries
from inventory.schema import ApWords, FileWords, GroupWords, RadioWords, ReachWords, SiteWords
from inventory.site_error import Steps
from inventory.yaml_text import Node, merge, parse, without_nulls

_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_TELLS: Final = MappingProxyType({"mac": "MAC address", "name": "name"})
_REACH: Final = frozenset(ReachWords.model_fields)


def read_site(raw: bytes, file: str, schemas: DriverSchemas) -> Site:
    """The site; ``file`` is its name in messages. Raises SiteErrors with all that is wrong."""
    found = Findings(file)
    reader = _Reader(parse(raw, file), schemas, found)
    site = reader.site()
    found.done()
    if site is None:
        raise AssertionError("what cannot be read has an error")
    return site


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(slots=True)
class _Reader:
    """One pass over one file. ``written`` still has its nulls: they unset what a group says."""

    written: Node
    schemas: DriverSchemas
    found: Findings
    country: str | None = None  # None: not known to be one
    site_id: str = ""
    named: set[str] = field(default_factory=set)  # ids of all devices, right or wrong
    devices: dict[str, DeviceConfig] = field(default_factory=dict)
    matched: dict[tuple[str, str, str], str] = field(default_factory=dict)  # device, mac or name, it -> AP

    def site(self) -> Site | None:
        top = without_nulls(self.written)
        self.found.read(FileWords, top, ())
        head = self._head(top)
        policy = read_policy(top, self.country, self.found)
        self._check_groups(top)
        self._read_devices(top)
        aps = {ap.id: ap for ap in self._aps(top)}
        if head is None or policy is None:
            return None
        return Site(
            id=head.id,
            country=head.country,
            timezone=head.timezone,
            policy=policy,
            devices=MappingProxyType(self.devices),
            aps=MappingProxyType(aps),
        )

    def _head(self, top: Node) -> SiteWords | None:
        node = top.mapping.get("site")
        head = None if node is None else self.found.read(SiteWords, node, ("site",))
        if node is None or head is None:
            return None
        self.site_id = head.id
        if head.country in countries():
            self.country = head.country
        else:
            expected = "a country with regulatory rules (ISO 3166, two letters)"
            self.found.add(node.at(("country",)), ("site", "country"), expected)
        if head.timezone not in _timezones():
            self.found.add(node.at(("timezone",)), ("site", "timezone"), "a time zone, such as Europe/Oslo")
        return head

    def _check_groups(self, top: Node) -> None:
        """Groups are looked at by themselves too: an error of an unused one counts."""
        for name, node in self.found.entries(top.mapping.get("groups"), ("groups",)):
            steps: Steps = ("groups", name)
            self.found.read(GroupWords, node, steps)
            if "options" in node.mapping:
                check_no_secrets(node.at(("options",)), (*steps, "options"), self.found)
            for radio, child in self.found.entries(node.mapping.get("radios"), (*steps, "radios")):
                self.found.read(RadioWords, child, (*steps, "radios", radio), partial=True)

    def _read_devices(self, top: Node) -> None:
        for name, node in self.found.entries(top.mapping.get("devices"), ("devices",)):
            self.named.add(name)
            words = self.found.read(ReachWords, node, ("devices", name))
            if words is not None:
                self._add_device(name, words, node, ("devices", name))

    def _add_device(self, name: str, words: ReachWords, node: Node, steps: Steps) -> None:
        config = device_config(name, words, node, steps, self.schemas, self.found)
        if config is not None:
            self.devices[name] = config

    def _aps(self, top: Node) -> Iterator[AccessPoint]:
        groups = top.mapping.get("groups")
        for name, written in self.found.entries(self.written.mapping.get("aps"), ("aps",)):
            steps: Steps = ("aps", name)
            node = self._merged(written, steps, groups.mapping if groups else {})
            words = self.found.read(ApWords, node, steps)
            radios = tuple(self._radios(name, node, steps))
            if words is not None:
                yield AccessPoint(
                    id=name,
                    device=self._device_of(name, words, node, steps),
                    match=MappingProxyType(self._match(name, words, node, steps)),
                    position_m=words.position,
                    zone=words.zone,
                    radios=radios,
                )

    def _merged(self, written: Node, steps: Steps, groups: Mapping[str, Node]) -> Node:
        """The AP's mapping laid on its group's."""
        group = written.mapping.get("group")
        if group is None or group.value is None:
            return without_nulls(written)
        if not isinstance(group.value, str) or group.value not in groups:
            self.found.add(group, (*steps, "group"), f"a group of this file ({_listed(groups)})")
            return without_nulls(written)
        return merge(groups[group.value], written)

    def _device_of(self, name: str, words: ApWords, node: Node, steps: Steps) -> str:
        """The id of the device that answers for the AP; its own is named as the AP is."""
        own = _REACH & words.model_fields_set
        if words.device is not None:
            place = node.at(("device",))
            if own:
                self.found.add(place, (*steps, "device"), f"no device beside {', '.join(sorted(own))}")
            if words.device not in self.named:
                self.found.add(place, (*steps, "device"), f"a device of this file ({_listed(self.named)})")
            return words.device
        if not own:
            self.found.add(node, (*steps, "device"), "the key device, or driver and address", "nothing")
        elif name in self.named:
            self.found.add(
                node, steps, "an id that no device has", f"{name}, a device and an AP with its own"
            )
        else:
            self._add_device(name, words, node, steps)
        return name

    def _match(self, name: str, words: ApWords, node: Node, steps: Steps) -> dict[str, str]:
        """What tells the AP from others of its device; a MAC address in lower case. Each of one AP only."""
        match = dict(words.match or {})
        for key in match.keys() - set(_TELLS):
            expected = f"one of {', '.join(_TELLS)}, which drivers know"
            self.found.add(node.at(("match", key)), (*steps, "match", key), expected, "an unknown key")
        if (mac := match.get("mac")) is not None:
            match["mac"] = mac.lower()
            if not _MAC.fullmatch(match["mac"]):
                place, path = node.at(("match", "mac")), (*steps, "match", "mac")
                self.found.add(place, path, "a MAC address such as 00:11:22:33:44:55")
        told = match if match or words.device is None else {"name": name}
        for key in _TELLS:
            if key in told:
                self._claim(name, words.device or name, (key, told[key]), node, steps)
        return match

    def _claim(self, name: str, device: str, told: tuple[str, str], node: Node, steps: Steps) -> None:
        """Two APs of a device that are told by the same would be one. Case tells no names apart."""
        key, value = told
        other = self.matched.setdefault((device, key, value.strip().casefold()), name)
        if other != name:
            expected = f"a {_TELLS[key]} that no other AP of the device has"
            self.found.add(node.at(("match", key)), (*steps, "match", key), expected, f"that of {other}")

    def _radios(self, name: str, node: Node, steps: Steps) -> Iterator[Radio]:
        mapping = node.mapping.get("radios")
        if mapping is None or mapping.value == {}:
            self.found.add(node, (*steps, "radios"), "at least one radio", "none")
        ifnames: dict[str, str] = {}
        for radio_id, child in self.found.entries(mapping, (*steps, "radios")):
            path: Steps = (*steps, "radios", radio_id)
            key = radio_key(self.site_id, name, radio_id)
            radio = read_radio(child, key, path, self.country, self.found)
            if radio is None:
                continue
            other = ifnames.setdefault(radio.ifname, radio_id) if radio.ifname else radio_id
            if other != radio_id:
                place = child.at(("ifname",))
                self.found.add(place, (*path, "ifname"), f"another interface than that of {other}")
            yield radio


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "it has none"

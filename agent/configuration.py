"""A new configuration while changes are open: what is served until they are over. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from agent.change import Change
from inventory.model import AccessPoint, RadioKey, Site, ap_of

_LONGEST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """What a new configuration brought. Names are ``site/ap``, sites ``site``. ``held``: APs that are served
    as before until their open changes are final. ``policy``: ``site: field old->new, ...`` of each site whose
    policy, country or time zone is another."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()

    def told(self) -> dict[str, str]:
        """Each field in one line, for log and audit; the names of many APs are cut off."""
        names = ("added", "removed", "changed", "held")
        return {
            **{name: " ".join(getattr(self, name))[:_LONGEST] for name in names},
            "policy": "; ".join(self.policy)[:_LONGEST],
        }


def effective(
    wanted: Mapping[str, Site],
    serving: Mapping[str, Site],
    held: Set[RadioKey],
    lost: Set[str] = frozenset(),
) -> dict[str, Site]:
    """The wanted sites, in which each AP with an open change (``held``: radios of such) is as it was, with
    its device: a change keeps the AP that it was made for. Only a device that does not answer (``lost``:
    names ``site/device``) is reached as wanted at once, by the same driver: its address or login may be what
    was put right. A site that is no longer wanted stays with its held APs alone."""
    merged: dict[str, Site] = {}
    for id in {**wanted, **serving}:
        old, new = serving.get(id), wanted.get(id)
        kept = _held_aps(old, held) if old else {}
        if new is None and old is not None and kept:
            merged[id] = _with(
                replace(old, aps=MappingProxyType({}), devices=MappingProxyType({})), old, kept, lost
            )
        elif new is not None:
            merged[id] = _with(new, old, kept, lost) if old and kept else new
    return merged


def leaving(effective: Mapping[str, Site], wanted: Mapping[str, Site]) -> frozenset[RadioKey]:
    """Radios that are served only until their open changes are final: nothing new is begun on them."""
    return frozenset(
        key
        for id, site in effective.items()
        for key, radio in site.radios.items()
        if id not in wanted or wanted[id].radios.get(key) != radio
    )


def outdated(change: Change, wanted: Mapping[str, Site], serving: Mapping[str, Site]) -> str | None:
    """Why a change of which nothing was sent is none for the wanted sites: a radio of it has left them, is
    defined otherwise or is a radio of another device now. None: its radios are at most reached otherwise."""
    old, new = serving.get(change.site), wanted.get(change.site)
    if new is None or any(key not in new.radios for key in change.radios):
        return "left_the_configuration"
    if old is not None and any(_of(old, key) != _of(new, key) for key in change.radios):
        return "configured_otherwise"
    return None


def _of(site: Site, key: RadioKey) -> object:
    """What a radio is, wherever its device is reached."""
    if key not in site.radios:
        return None
    device = site.device_of(key)
    return site.radios[key], site.aps[ap_of(key).partition("/")[2]].match, device.id, device.driver


def report(
    wanted: Mapping[str, Site],
    serving: Mapping[str, Site],
    held: Set[RadioKey],
    lost: Set[str] = frozenset(),
) -> ReloadReport:
    """What the wanted configuration changes in the one being served; ``held`` and ``lost`` as for
    `effective`."""
    before, after = _aps(serving), _aps(wanted)
    at_first = _aps(effective(wanted, serving, held, lost))
    both = before.keys() & after.keys()
    return ReloadReport(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in both if before[name] != after[name])),
        held=tuple(sorted(name for name, ap in at_first.items() if after.get(name) != ap)),
        policy=tuple(
            f"{id}: {', '.join(said)}"
            for id in sorted(wanted.keys() & serving.keys())
            if (said := _other(serving[id], wanted[id]))
        ),
    )


def _other(old: Site, new: Site) -> list[str]:
    """What of a site counts from now on, its APs excepted: ``mode act->dry_run``."""
    told = [
        f"{name} {getattr(old, name)}->{getattr(new, name)}"
        for name in ("country", "timezone")
        if getattr(old, name) != getattr(new, name)
    ]
    return told + list(_differences("", old.policy, new.policy))


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    for each in fields(old):
        before, after = getattr(old, each.name), getattr(new, each.name)
        if before == after:
            continue
        if is_dataclass(before) and is_dataclass(after):
            yield from _differences(f"{path}{each.name}.", before, after)
        else:
            yield f"{path}{each.name} {_spoken(before)}->{_spoken(after)}"


def _spoken(value: object) -> str:
    """A value as a site file has it."""
    if isinstance(value, tuple):
        return f"[{', '.join(getattr(each, 'text', None) or str(each) for each in value)}]"
    return str(value)


def _held_aps(site: Site, held: Set[RadioKey]) -> dict[str, AccessPoint]:
    return {id: ap for id, ap in site.aps.items() if any(radio.key in held for radio in ap.radios)}


def _with(new: Site, old: Site, kept: Mapping[str, AccessPoint], lost: Set[str]) -> Site:
    """The site with these APs and their devices as they were, those that are lost excepted."""
    devices = {ap.device: old.devices[ap.device] for ap in kept.values()}
    for id, was in devices.items():
        other = new.devices.get(id)
        if f"{old.id}/{id}" in lost and other is not None and other.driver == was.driver:
            devices[id] = other
    return replace(
        new,
        aps=MappingProxyType({**new.aps, **kept}),
        devices=MappingProxyType({**new.devices, **devices}),
    )


def _aps(sites: Mapping[str, Site]) -> dict[str, object]:
    """Each AP with all that it is reached and judged by."""
    return {
        f"{id}/{ap.id}": (ap, site.devices[ap.device])
        for id, site in sites.items()
        for ap in site.aps.values()
    }

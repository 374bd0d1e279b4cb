"""Asking one device everything it can be asked, and how long each answer took. Writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from agent.discovered import aps_of
from agent.observation import Observation, observe
from agent.probe_radio import radio_row
from drivers.base import Device
from drivers.errors import DriverError
from drivers.types import (
    Absence,
    Capabilities,
    ConfigState,
    DeviceInfo,
    FoundAp,
    RadioReading,
    ScopeRef,
    Snapshot,
    Table,
)
from inventory.model import AccessPoint, RadioKey

T = TypeVar("T")

COUNTED: Final = frozenset({Table.STATUS, Table.SURVEY, Table.COUNTERS, Table.CLIENTS})
"""What is read again after ``for_s``."""

SITE: Final = "probe"
DEVICE: Final = "device"
"""What stands in the keys of radios that no inventory names."""

CONFIGS: Final = 32
"""At most so many radios are asked for their settings: each is a question of its own, and a controller has
hundreds of radios."""


@dataclass(slots=True)
class Probe:
    """What was found so far; a call that failed is in ``errors`` and the next one is made all the same."""

    device: Device
    clock: Callable[[], float]
    calls: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def call(self, name: str, answer: Awaitable[T]) -> T | None:
        """The answer, timed; None when the driver raised."""
        started_s = self.clock()
        try:
            return await answer
        except DriverError as error:
            self.errors.append(f"{name}: {type(error).__name__}: {error}")
            return None
        finally:
            self.calls.append({"call": name, "ms": round((self.clock() - started_s) * 1000, 1)})


async def probe(
    device: Device,
    clock: Callable[[], float],
    radios: frozenset[RadioKey] | None = None,
    *,
    aps: Iterable[AccessPoint] = (),
    for_s: float = 0.0,
) -> dict[str, Any]:
    """The answer of the operation ``probe``. ``radios`` None: all of the device; ``aps``: those of the
    inventory that it answers for. ``for_s``: it is read again so much later, and shares of air and frames
    are counted in between. Leaves the device open."""
    asked, listed = Probe(device, clock), tuple(aps)
    info = await asked.call("open", device.open())
    rows = await _radios(asked, info, radios, for_s) if info else []
    names = {ap.id: ap.match.get("mac") or ap.match.get("name") or ap.id for ap in listed}
    return {
        "reachable": info is not None,
        "device": _device(info) if info else None,
        "found": [_found(ap, listed) for ap in info.found] if info else [],
        "radios": [{"ap": _ap_name(row["key"], names), **row} for row in rows],
        "calls": asked.calls,
        "errors": asked.errors,
    }


async def _radios(
    asked: Probe, info: DeviceInfo, radios: frozenset[RadioKey] | None, for_s: float
) -> list[dict[str, Any]]:
    keys = sorted(key for key in info.radios if radios is None or key in radios)
    tables = info.capabilities.tables
    first = await asked.call("read", asked.device.read(tables, frozenset(keys)))
    configs = await _configs(asked, info, keys)
    later = await _later(asked, tables & COUNTED, keys, for_s) if for_s > 0 else None
    return [
        radio_row(info.radios[key], _said(first, key), _seen(first, later, key), configs.get(key))
        for key in keys
    ]


async def _configs(
    asked: Probe, info: DeviceInfo, keys: list[RadioKey]
) -> dict[RadioKey, ConfigState | None]:
    """Settings by radio, where anything can be set."""
    if not info.capabilities.settings or len(keys) > CONFIGS:
        return {}
    refs = {key: ScopeRef(kind="radio", name=info.radios[key].name, members=(key,)) for key in keys}
    return {
        key: await asked.call(f"read_config {key}", asked.device.read_config(ref))
        for key, ref in refs.items()
    }


async def _later(
    asked: Probe, tables: frozenset[Table], keys: list[RadioKey], for_s: float
) -> Snapshot | None:
    await asyncio.sleep(for_s)
    return await asked.call("read again", asked.device.read(tables, frozenset(keys)))


def _said(snapshot: Snapshot | None, key: RadioKey) -> RadioReading | Absence | None:
    """The reading, why there is none, or None when nothing was answered."""
    if snapshot is None:
        return None
    return snapshot.readings.get(key) or snapshot.missing.get(key)


def _seen(first: Snapshot | None, later: Snapshot | None, key: RadioKey) -> Observation | None:
    if first is None or later is None or key not in later.readings:
        return None
    return observe(first.readings.get(key), later.readings[key])


def _ap_name(key: RadioKey, names: Mapping[str, str]) -> str:
    """The AP as the device knows it, where the inventory says how; else its id."""
    ap_id = key.split("/")[1]
    return names.get(ap_id, ap_id)


def _found(ap: FoundAp, listed: tuple[AccessPoint, ...]) -> dict[str, Any]:
    return {
        "mac": ap.mac,
        "name": ap.name,
        "model": ap.model,
        "radios": [{"name": radio.name, "band": radio.band} for radio in ap.radios],
        "listed": any(_is(ap, one, only=len(listed) == 1) for one in listed),
    }


def _is(ap: FoundAp, one: AccessPoint, *, only: bool) -> bool:
    """An AP that is its own device needs no ``match``."""
    if not one.match:
        return only
    return one.match.get("mac") == ap.mac if "mac" in one.match else one.match.get("name") == ap.name


def _device(info: DeviceInfo) -> dict[str, Any]:
    return {
        "vendor": info.vendor,
        "model": info.model,
        "version": info.version,
        "identity": info.identity,
        **capabilities(info.capabilities),
    }


def capabilities(able: Capabilities) -> dict[str, Any]:
    """What can be read and set, as JSON."""
    return {
        "reads": sorted(able.tables),
        "sets": {setting: able.settings[setting] for setting in sorted(able.settings)},
        "widths_mhz": list(able.widths_mhz),
        "refresh_s": {table: able.refresh_s[table] for table in sorted(able.refresh_s)},
        "undo_timer_s": list(able.undo_timer_s) if able.undo_timer_s else None,
        "signals": able.signals,
        "signal_ways": list(able.signal_ways),
        "actions": sorted(able.actions),
        "rx_time_trusted": able.rx_time_trusted,
        "obss_pd_acts": able.obss_pd_acts,
    }


async def probe_all(
    make: Callable[[tuple[AccessPoint, ...]], Device],
    clock: Callable[[], float],
    *,
    wanted: str | None = None,
    for_s: float = 0.0,
) -> dict[str, Any]:
    """The same of a device that no inventory names: it is opened for what it finds, then with all of that.
    ``make``: a device that answers for these APs. ``wanted``: only the AP of this name, MAC or id."""
    first = make(())
    asked = Probe(first, clock)
    try:
        info = await asked.call("find", first.open())
    finally:
        await first.close()
    aps = tuple(aps_of(info.found, device=DEVICE, site=SITE)) if info else ()
    chosen = tuple(ap for ap in aps if wanted is None or wanted in (ap.id, *ap.match.values()))
    if info is None or not chosen:
        return _nothing(asked, info, wanted)
    device = make(chosen)
    try:
        result = await probe(device, clock, aps=chosen, for_s=for_s)
    finally:
        await device.close()
    for ap in result["found"]:
        ap["listed"] = None  # there is no inventory
    return {**result, "calls": [*asked.calls, *result["calls"]]}


def _nothing(asked: Probe, info: DeviceInfo | None, wanted: str | None) -> dict[str, Any]:
    """Nobody answered, or no radio is known by name."""
    if info is not None and wanted is not None and info.found:
        asked.errors.append(f"find: it answers for no AP {wanted} with radios")
    elif info is not None:
        asked.errors.append("find: it tells of no AP with radios; a site file (--site) can name them")
    return {
        "reachable": info is not None,
        "device": _device(info) if info else None,
        "found": [{**_found(ap, ()), "listed": None} for ap in info.found] if info else [],
        "radios": [],
        "calls": asked.calls,
        "errors": asked.errors,
    }

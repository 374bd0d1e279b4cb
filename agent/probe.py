"""Asking one device everything it can be asked, and how long each answer took. Writes nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
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

NO_RADIOS: Final = (
    "it tells of no Wi-Fi radio: its tables of radios are empty or closed to this login, or its driver tells"
    " only of those that a site file names (--site)"
)

NAMED: Final = 20
"""At most so many APs are named in a sentence."""

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
    asked, one_of = Probe(device, clock), _index(tuple(aps))
    info = await asked.call("open", device.open())
    rows = await _radios(asked, info, radios, for_s) if info else []
    found = info.found if info else ()
    known = {one.id: ap for ap in found if (one := one_of(ap)) is not None}
    return {
        "reachable": info is not None,
        "device": _device(info) if info else None,
        "found": [_found(ap, listed=one_of(ap) is not None) for ap in found],
        "radios": [{**_whose(row["key"], known), **row} for row in rows],
        "notes": list(info.remarks) if info else [],
        "calls": asked.calls,
        "errors": asked.errors,
    }


async def _radios(
    asked: Probe, info: DeviceInfo, radios: frozenset[RadioKey] | None, for_s: float
) -> list[dict[str, Any]]:
    keys = sorted(key for key in info.radios if radios is None or key in radios)
    tables = info.capabilities.tables
    first = await asked.call("read", asked.device.read(tables, frozenset(keys)))
    there = [key for key in keys if not isinstance(_said(first, key), Absence)]
    configs = await _configs(asked, info, there)
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


def _whose(key: RadioKey, known: Mapping[str, FoundAp]) -> dict[str, str | None]:
    """The AP as the device knows it: by its MAC, else by its name, else by the id of the inventory."""
    ap_id = key.split("/")[1]
    ap = known.get(ap_id)
    return {"ap": (ap.mac or ap.name or ap_id) if ap else ap_id, "ap_name": ap.name if ap else None}


def _found(ap: FoundAp, *, listed: bool | None) -> dict[str, Any]:
    return {
        "mac": ap.mac,
        "name": ap.name,
        "model": ap.model,
        "radios": [{"name": radio.name, "band": radio.band} for radio in ap.radios],
        "listed": listed,
    }


def _index(listed: tuple[AccessPoint, ...]) -> Callable[[FoundAp], AccessPoint | None]:
    """Which AP of the inventory one is that was found: by MAC or name, without ``match`` by its id as a name;
    an AP that is its own device needs neither."""
    by: dict[tuple[str, str], AccessPoint] = {}
    for one in listed:
        kind = "mac" if "mac" in one.match else "name"
        by[kind, _folded(one.match.get(kind, one.id))] = one
    only = listed[0] if len(listed) == 1 and not listed[0].match else None
    return lambda ap: (
        by.get(("mac", _folded(ap.mac or ""))) or by.get(("name", _folded(ap.name or ""))) or only
    )


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
        "moves_drop": able.moves_drop,
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
    aps = aps_of(info.found, device=DEVICE, site=SITE) if info else []
    there = [ap for ap in info.found if ap.radios] if info else []
    pairs = zip(aps, there, strict=True)
    chosen = tuple(ap for ap, one in pairs if wanted is None or _is_wanted(wanted, ap, one))
    if info is None or not chosen:
        return _nothing(asked, info, wanted)
    device = make(chosen)
    try:
        result = await probe(device, clock, aps=chosen, for_s=for_s)
    finally:
        await device.close()
    return {**_unlisted(result), "calls": [*asked.calls, *result["calls"]]}


def _unlisted(result: dict[str, Any]) -> dict[str, Any]:
    """Where there is no inventory, none lists an AP or knows the band that a radio does not tell."""
    found = [{**ap, "listed": None} for ap in result["found"]]
    silent = {
        (ap["mac"] or ap["name"], radio["name"])
        for ap in found
        for radio in ap["radios"]
        if radio["band"] is None
    }
    radios = [
        {**row, "band": None} if silent & {(row["ap"], row["name"]), (None, row["name"])} else row
        for row in result["radios"]
    ]
    return {**result, "found": found, "radios": radios}


def _notes(info: DeviceInfo) -> list[str]:
    if any(ap.radios for ap in info.found):
        return list(info.remarks)
    return [*info.remarks, _without_radios(info.found) if info.found else NO_RADIOS]


def _without_radios(found: Sequence[FoundAp]) -> str:
    """A controller whose dialect tells APs and no radio is read as well as it can be."""
    names = [f"{ap.name} ({ap.mac})" if ap.name and ap.mac else ap.name or ap.mac or "?" for ap in found]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"it tells of APs, and of no radio of theirs: {', '.join(names[:NAMED])}{more}"


def _is_wanted(wanted: str, ap: AccessPoint, there: FoundAp) -> bool:
    """By its id, its key or a radio's key as they are printed, its name in any case, or its MAC however it is
    written."""
    told = {ap.id, f"{SITE}/{ap.id}", there.name, there.mac, *(radio.key for radio in ap.radios)}
    return _folded(wanted) in {_folded(each) for each in told if each is not None}


def _folded(text: str) -> str:
    digits = re.sub(r"[.:-]", "", text.casefold())
    return digits if re.fullmatch(r"[0-9a-f]{12}", digits) else text.strip().casefold()


def _nothing(asked: Probe, info: DeviceInfo | None, wanted: str | None) -> dict[str, Any]:
    """Nobody answered, or no radio is known by name."""
    if info is not None and wanted is not None:
        asked.errors.append(f"find: it answers for no AP {wanted} with radios")
    return {
        "reachable": info is not None,
        "device": _device(info) if info else None,
        "found": [_found(ap, listed=None) for ap in info.found] if info else [],
        "radios": [],
        "notes": _notes(info) if info else [],
        "calls": asked.calls,
        "errors": asked.errors,
    }

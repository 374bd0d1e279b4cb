"""Asking one device everything it can be asked, and how long each answer took. Writes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from drivers.base import Device
from drivers.errors import DriverError
from drivers.types import Capabilities, DeviceInfo, RadioReading, Reported, ScopeRef, Snapshot
from inventory.model import RadioKey

T = TypeVar("T")


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
    device: Device, clock: Callable[[], float], radios: frozenset[RadioKey] | None = None
) -> dict[str, Any]:
    """The answer of the operation ``probe``. ``radios`` None: all of the device. Leaves it open."""
    asked = Probe(device, clock)
    info = await asked.call("open", device.open())
    found = await _radios(asked, info, radios) if info else []
    return {
        "device": _device(info) if info else None,
        "radios": found,
        "calls": asked.calls,
        "errors": asked.errors,
    }


async def _radios(asked: Probe, info: DeviceInfo, radios: frozenset[RadioKey] | None) -> list[dict[str, Any]]:
    keys = sorted(key for key in info.radios if radios is None or key in radios)
    snapshot = await asked.call("read", asked.device.read(info.capabilities.tables, frozenset(keys)))
    return [await _radio(asked, info, snapshot, key) for key in keys]


async def _radio(asked: Probe, info: DeviceInfo, snapshot: Snapshot | None, key: RadioKey) -> dict[str, Any]:
    name = info.radios[key].name
    ref = ScopeRef(kind="radio", name=name, members=(key,))
    config = await asked.call(f"read_config {key}", asked.device.read_config(ref))
    reading = snapshot.readings.get(key) if snapshot else None
    absence = snapshot.missing.get(key) if snapshot else None
    return {
        "key": key,
        "name": name,
        "band": info.radios[key].band,
        "bssids": list(info.radios[key].bssids),
        "missing": absence,
        "reading": _reading(reading) if reading else None,
        "configured": dict(config.configured) if config else None,
        "in_force": dict(config.in_force) if config else None,
    }


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
        "undo_timer_s": list(able.undo_timer_s) if able.undo_timer_s else None,
        "signals": able.signals,
        "rx_time_trusted": able.rx_time_trusted,
    }


def _reading(reading: RadioReading) -> dict[str, Any]:
    """Counts instead of client addresses: those are nobody's business here."""
    return {
        "state": reading.state,
        "channel": _value(reading.channel),
        "width_mhz": _value(reading.width_mhz),
        "tx_power_dbm": _value(reading.tx_power_dbm),
        "obss_pd_dbm": _value(reading.obss_pd_dbm),
        "country": _value(reading.country),
        "clients": _count(reading.clients),
        "surveys": _count(reading.survey),
        "neighbors": _count(reading.neighbors),
        "uplink": reading.uplink,
        "managed_by": reading.managed_by,
        "fresh_s": reading.fresh_s,
    }


def _value(reported: Reported[T] | None) -> T | None:
    return None if reported is None else reported.value


def _count(rows: tuple[object, ...] | None) -> int | None:
    return None if rows is None else len(rows)

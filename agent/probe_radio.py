"""One radio as `rrmd probe` tells of it: each value, where it came from and how old it is, as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from agent.observation import Observation
from drivers.types import Absence, ConfigState, RadioInfo, RadioReading, Reported, SurveyReading

_AS_REPORTED: Final = ("channel", "width_mhz", "center_mhz", "tx_power_dbm", "obss_pd_dbm", "country")
_RATIOS: Final = ("busy_ratio", "rx_ratio", "tx_ratio", "non_wifi_ratio", "retry_ratio", "per")
_OF_STATUS: Final = (
    "nop_mhz",
    "cac_done_mhz",
    "allowed_mhz",
    "power_choices_dbm",
    "cac_left_s",
    "hardware_resets",
    "uplink",
    "managed_by",
)
_ROUGH: Final = (
    "state",
    "channel",
    "width_mhz",
    "tx_power_dbm",
    "obss_pd_dbm",
    "country",
    "clients",
    "surveys",
    "neighbors",
    "uplink",
    "managed_by",
    "fresh_s",
)
"""What stands in ``reading`` as well: the place of these values before there were ``fields``."""

Values = Mapping[str, Reported[Any] | None]


def radio_row(
    info: RadioInfo,
    reading: RadioReading | Absence | None,
    seen: Observation | None = None,
    config: ConfigState | None = None,
) -> dict[str, Any]:
    """All that is known of a radio. None: not reported. ``seen``: what it did between two readings; without
    it the shares of air and frames are those that the device works out itself, if any."""
    there = reading if isinstance(reading, RadioReading) else None
    told = _told(there, seen) if there else dict.fromkeys(NAMES)
    values = {name: None if each is None else each.value for name, each in told.items()}
    fresh_s = there.fresh_s if there else None
    return {
        "key": info.key,
        "name": info.name,
        "band": info.band,
        "bssids": list(info.bssids),
        "missing": reading if isinstance(reading, Absence) else None,
        **values,
        "fresh_s": fresh_s,
        "fields": {name: _origin(each) for name, each in told.items() if each is not None},
        "reading": {name: {**values, "fresh_s": fresh_s}[name] for name in _ROUGH} if there else None,
        "configured": dict(config.configured) if config else None,
        "in_force": dict(config.in_force) if config else None,
    }


def _origin(value: Reported[Any]) -> dict[str, Any]:
    return {"source": value.source, "age_s": round(value.age_s, 3)}


def _told(reading: RadioReading, seen: Observation | None) -> Values:
    used = next((entry for entry in reading.survey or () if entry.in_use), None)
    return {
        "state": Reported(reading.state, "status"),
        **{name: getattr(reading, name) for name in _AS_REPORTED},
        "noise_dbm": _noise(reading, used),
        **{name: _ratio(reading, name, seen) for name in _RATIOS},
        "clients": _plain(reading.clients_here, "clients"),
        "bss": _plain(_rows(reading.bss), "status"),
        "counters": _plain(asdict(reading.counters) if reading.counters else None, "counters", reading),
        "survey": _plain(asdict(used) if used else None, "survey", reading),
        "surveys": _plain(_count(reading.survey), "survey", reading),
        "neighbors": _plain(_count(reading.neighbors), "neighbors"),
        **{name: _plain(_listed(getattr(reading, name)), "status") for name in _OF_STATUS},
    }


NAMES: Final = (
    "state",
    *_AS_REPORTED,
    "noise_dbm",
    *_RATIOS,
    *("clients", "bss", "counters", "survey", "surveys", "neighbors"),
    *_OF_STATUS,
)
"""Of all values, in the order in which they are shown."""


def _plain(value: Any, source: str, aged: RadioReading | None = None) -> Reported[Any] | None:
    """A value of a table; ``aged``: the reading whose counters' age it has."""
    return None if value is None else Reported(value, source, aged.fresh_s if aged else 0.0)


def _noise(reading: RadioReading, used: SurveyReading | None) -> Reported[float] | None:
    own = reading.gauges.noise_dbm if reading.gauges else None
    if own is not None:
        return Reported(own, "gauges", reading.fresh_s)
    return _plain(used.noise_dbm if used else None, "survey", reading)


def _ratio(reading: RadioReading, name: str, seen: Observation | None) -> Reported[float] | None:
    """A share, 0..1: the one counted between two readings, else what the device works out itself."""
    own = getattr(reading.gauges, name) if reading.gauges else None
    counted = getattr(seen, name) if seen else None
    if seen is not None and counted not in (None, own):
        return Reported(round(counted, 4), f"counted over {seen.span_s:.3g} s", reading.fresh_s)
    return _plain(None if own is None else round(own, 4), "gauges", reading)


def _rows(rows: tuple[Any, ...] | None) -> list[dict[str, Any]] | None:
    return None if rows is None else [asdict(row) for row in rows]


def _count(rows: tuple[object, ...] | None) -> int | None:
    return None if rows is None else len(rows)


def _listed(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value

"""One radio as numbers. Pure: what is not reported has no sample."""

from __future__ import annotations

from collections.abc import Iterator

from agent.observation import Observation
from drivers.types import RadioReading
from inventory.model import RadioKey


def radio_samples(
    key: RadioKey, reading: RadioReading | None, last: Observation | None, now_s: float
) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Family, labels and value. ``last`` is told only beside a reading: a lost radio has no ratios."""
    labels = tuple(key.split("/"))
    yield "rrmd_radio_state", (*labels, str(reading.state) if reading else "unknown"), 1.0
    if reading is None:
        return
    numbers = {
        "channel": reading.channel.value if reading.channel else None,
        "width_mhz": reading.width_mhz.value if reading.width_mhz else None,
        "tx_power_dbm": reading.tx_power_dbm.value if reading.tx_power_dbm else None,
        "clients": reading.clients_here,
        "busy_ratio": last.busy_ratio if last else None,
        "retry_ratio": last.retry_ratio if last else None,
        "non_wifi_ratio": last.non_wifi_ratio if last else None,
        "reading_age_seconds": now_s - reading.at_s,
    }
    for name, value in numbers.items():
        if value is not None:
            yield f"rrmd_radio_{name}", labels, float(value)

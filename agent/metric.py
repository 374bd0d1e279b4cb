"""The metrics that a radio is judged by. Compared as costs: more is worse. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from agent.slots import Slot


class Metric(StrEnum):
    """What is measured per slot. The first three decide; the others only tell relief."""

    RETRY = "retry_ratio"
    PER = "per"
    BYTES_PER_AIRTIME = "bytes_per_airtime"  # bytes per ms of own transmit air time; less is worse
    BUSY = "busy_ratio"
    NON_WIFI = "non_wifi_ratio"


JUDGED = (Metric.RETRY, Metric.PER, Metric.BYTES_PER_AIRTIME)

NEIGHBOUR_JUDGED = (Metric.RETRY, Metric.PER)


def _value(metric: Metric, slot: Slot) -> float | None:
    match metric:
        case Metric.RETRY:
            return slot.retry_ratio
        case Metric.PER:
            return slot.per
        case Metric.BYTES_PER_AIRTIME:
            return slot.bytes_per_airtime
        case Metric.BUSY:
            return slot.busy_ratio
        case Metric.NON_WIFI:
            return slot.non_wifi_ratio


def values_of(metric: Metric, slots: Iterable[Slot]) -> list[float]:
    """The metric of those slots that report it."""
    return [value for slot in slots if (value := _value(metric, slot)) is not None]


def cost_of(metric: Metric, value: float) -> float:
    """The metric turned so that more is worse: bytes per air time becomes air time per byte."""
    if metric is not Metric.BYTES_PER_AIRTIME:
        return value
    return 1 / value if value > 0 else float("inf")

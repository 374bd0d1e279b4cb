"""The metrics that a radio is judged by. Compared as costs: more is worse. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from agent.slots import Slot


class Metric(StrEnum):
    """What is measured per slot, by the name of the slot's field. The first three decide; the others only
    tell relief."""

    RETRY = "retry_ratio"
    PER = "per"
    BYTES_PER_AIRTIME = "bytes_per_airtime"  # bytes per ms of own transmit air time; less is worse
    BUSY = "busy_ratio"
    NON_WIFI = "non_wifi_ratio"


JUDGED = (Metric.RETRY, Metric.PER, Metric.BYTES_PER_AIRTIME)

NEIGHBOUR_JUDGED = (Metric.RETRY, Metric.PER)


def values_of(metric: Metric, slots: Iterable[Slot]) -> list[float]:
    """The metric of those slots that report it."""
    return [value for slot in slots if (value := getattr(slot, metric)) is not None]


def cost_of(metric: Metric, value: float) -> float:
    """The metric turned so that more is worse: bytes per air time becomes air time per byte."""
    if metric is not Metric.BYTES_PER_AIRTIME:
        return value
    return 1 / value if value > 0 else float("inf")


def costs_of(metric: Metric, slots: Iterable[Slot]) -> list[float]:
    """The costs of those slots that report the metric."""
    values = values_of(metric, slots)
    return [cost_of(metric, value) for value in values] if metric is Metric.BYTES_PER_AIRTIME else values

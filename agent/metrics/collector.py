"""Prometheus asks in a thread of its own; the answer is made on the event loop, in time or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Base

from agent.metrics.families import COUNTER, FAMILIES, Family, Samples

ANSWER_S: Final = 5.0
ANSWERING: Final = "rrmd_loop_answering"


class LoopCollector(Base):
    """``gather()`` runs on ``loop``. A loop that is stuck gives one sample that says so."""

    def __init__(
        self,
        gather: Callable[[], Coroutine[Any, Any, Samples]],
        loop: asyncio.AbstractEventLoop,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._gather = gather
        self._loop = loop
        self._answer_s = answer_s

    def collect(self) -> Iterator[Metric]:
        samples = self._asked()
        yield _metric(FAMILIES[ANSWERING], [((), float(samples is not None))])
        for name, values in (samples or {}).items():
            yield _metric(FAMILIES[name], values)

    def describe(self) -> Iterator[Metric]:
        """The names, so that the registry need not ask the loop for them."""
        return (_metric(family, []) for family in FAMILIES.values())

    def _asked(self) -> Samples | None:
        """None: the loop did not answer in time, or ends."""
        if self._loop.is_closed():
            return None
        asked = asyncio.run_coroutine_threadsafe(self._gather(), self._loop)
        try:
            return asked.result(self._answer_s)
        except (TimeoutError, CancelledError):
            asked.cancel()
            return None


def _metric(family: Family, values: list[tuple[tuple[str, ...], float]]) -> Metric:
    kind = CounterMetricFamily if family.kind == COUNTER else GaugeMetricFamily
    metric: Metric = kind(family.name, family.help, labels=family.labels)
    for labels, value in values:
        metric.add_metric(labels, value)  # type: ignore[attr-defined]  # of both kinds, not of their base
    return metric

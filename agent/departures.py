"""Clients that left a changed radio: more than the change may cost is harm by itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType

from agent.baseline import Baseline
from agent.judgement import Code, Judgement, Verdict
from agent.slots import Slot
from agent.timetable import Timetable
from inventory.model import MonitorPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCensus:
    """Who is left. Taken once, at the first poll round that is wholly later than 120 s after the ack.

    ``before``: MACs on the changed radio just before the write. ``controls_before``: those on the
    controls. ``site``: MACs anywhere on the site at ``at_s``. Kept in memory only.
    """

    at_s: float
    before: frozenset[str]
    site: frozenset[str]
    controls_before: frozenset[str] = frozenset()


def clients_lost(census: ClientCensus | None, times: Timetable, policy: MonitorPolicy) -> Judgement | None:
    """>= 3 and >= 50 % of the clients before nowhere on the site 120 s after the ack, while the controls
    lost < 20 %: WORSE."""
    if census is None or not times.census_s <= census.at_s <= times.now_s:
        return None
    lost = len(census.before - census.site)
    if lost < policy.lost_clients or lost < policy.lost_client_ratio * len(census.before):
        return None
    controls = len(census.controls_before)
    control_lost = len(census.controls_before - census.site) / controls if controls else 0.0
    if control_lost >= policy.control_lost_ratio:
        return None
    params = {
        "clients_before": len(census.before),
        "clients_lost": lost,
        "controls_lost_ppm": round(control_lost * 1e6),
    }
    return Judgement(verdict=Verdict.WORSE, code=Code.CLIENTS_LOST, params=MappingProxyType(params))


def disconnects(baseline: Baseline | None, slots: Sequence[Slot], policy: MonitorPolicy) -> Judgement | None:
    """Distinct disconnections that are not roams > max(10, 10 % of clients, 3 x baseline) per minute in 3 of
    5 slots: WORSE. The clients are those before the change."""
    first = [slot for slot in slots if slot.valid][: policy.slots]
    most = _most_disconnects(baseline, policy)
    rates = [slot.disconnects_per_minute for slot in first if slot.disconnects_per_minute is not None]
    above = sum(rate > most for rate in rates)
    if above < policy.disconnect_slots:
        return None
    params = {
        "above": above,
        "limit_milli_per_minute": round(most * 1e3),
        "after_milli_per_minute": round(median(rates) * 1e3),
    }
    return Judgement(verdict=Verdict.WORSE, code=Code.DISCONNECTS, params=MappingProxyType(params))


def _most_disconnects(baseline: Baseline | None, policy: MonitorPolicy) -> float:
    clients = (baseline.clients if baseline else None) or 0
    before = (baseline.disconnects_per_minute if baseline else None) or 0.0
    return max(
        policy.disconnects_per_minute,
        policy.disconnect_client_ratio * clients,
        policy.disconnect_baseline_ratio * before,
    )

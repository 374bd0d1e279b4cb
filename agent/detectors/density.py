"""DENSITY_SPIKE: more clients on a radio than is usual at this hour, or than it can serve. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agent.counters import Flaw
from agent.detectors.recent import all_below, all_reach, newest, recent
from agent.detectors.sight import Finding, Presence, Sight
from agent.events import EventKind
from agent.observation import Observation

CAPACITY_CLEAR = 0.8
"""Of the capacity: below it a radio that was full no longer is."""

FLAWS = frozenset({Flaw.OFF_AIR})


def density(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    """Clients at `density_times` x the usual and `density_clients`, or at `density_capacity`, in `samples`
    samples. Where nothing is usual yet, only the capacity counts."""
    policy = sight.policy
    last = newest(recent(sight, _clients, FLAWS), policy.samples)
    if all_reach(last, _raise_at(sight)):
        return (_finding(sight, Presence.THERE, min(each.value for each in last)),)
    if sight.key in open_keys:
        last = newest(recent(sight, _clients, FLAWS), policy.clear_samples)
        if all_below(last, _clear_at(sight)):
            return (_finding(sight, Presence.OVER, max(each.value for each in last)),)
    return ()


def _raise_at(sight: Sight) -> float:
    policy, usual = sight.policy, sight.usual_clients
    if usual is None:
        return policy.density_capacity
    return min(policy.density_capacity, max(policy.density_times * usual, policy.density_clients))


def _clear_at(sight: Sight) -> float:
    """Below 1.5 x the usual and 0.8 x the capacity. A radio whose usual is next to nothing clears in the
    same proportion below `density_clients`."""
    policy, usual = sight.policy, sight.usual_clients
    full = CAPACITY_CLEAR * policy.density_capacity
    if usual is None:
        return full
    lower = policy.density_clear_times / policy.density_times
    return min(full, max(policy.density_clear_times * usual, lower * policy.density_clients))


def _clients(seen: Observation) -> float | None:
    return seen.client_count


def _finding(sight: Sight, presence: Presence, clients: float) -> Finding:
    evidence = {"clients": round(clients), "capacity": sight.policy.density_capacity}
    if sight.usual_clients is not None:
        evidence["usual"] = round(sight.usual_clients)
    return Finding(
        kind=EventKind.DENSITY_SPIKE,
        key=sight.key,
        presence=presence,
        radio=sight.key,
        severity="minor",
        evidence=evidence,
    )

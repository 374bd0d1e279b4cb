"""Why a change was decided, as its row keeps it for `rrmd changes --explain`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.change import AS_CONFIGURED, CANDIDATES, Cause
from agent.metric import Metric
from agent.observation import Observation
from agent.planner.decision import Move
from drivers.types import Setting

RELIEVED = {Cause.NON_WIFI_BURST: Metric.NON_WIFI, Cause.SPECTRUM_SAT: Metric.BUSY}
"""What a change for such an event must make better."""


def explained(move: Move, last: Observation | None, as_configured: frozenset[Setting]) -> Mapping[str, Any]:
    """What `rrmd changes --explain` shows of the decision; ``incident``: what it is to relieve, measured
    when it was decided (design: INEFFECTIVE); ``read_back_as_configured``: of what there will be no proof
    that it is in force."""
    told: dict[str, Any] = {
        "code": move.reason,
        "params": dict(move.params),
        CANDIDATES: [
            {
                "channel": c.block.primary,
                "width_mhz": c.block.width_mhz,
                "score_ppm": round(c.score * 1e6),
                "terms": dict(c.terms),
            }
            for c in move.candidates[:8]
        ],
    }
    if as_configured:
        told[AS_CONFIGURED] = sorted(as_configured)
    metric = RELIEVED.get(move.cause)
    before = getattr(last, str(metric), None) if metric else None
    if before:
        told["incident"] = {"metric": str(metric), "before_ppm": round(before * 1e6)}
    return told

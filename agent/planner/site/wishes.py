"""What is asked of a plan: the site's policy, and what a person said instead of it. Pure."""

from __future__ import annotations

import math
from typing import Any

from agent.planner.site.plan import Wishes
from inventory.model import Site


def wishes_of(site: Site, **asked: Any) -> Wishes:
    """The policy's wishes, but for ``asked`` (fields of `Wishes`; None: not said)."""
    policy = site.policy.plan
    usual = {
        "most_moves": most_moves(site),
        "least_gain": policy.min_gain_ratio,
        "limit_s": policy.limit_s,
        "power": policy.power,
        "obss_pd": policy.obss_pd,
    }
    said = {name: value for name, value in asked.items() if value is not None}
    return Wishes(**{**usual, **said})


def most_moves(site: Site) -> int:
    """Of one plan, as the policy has it."""
    ratio = site.policy.plan.most_moves_ratio
    return max(1, math.floor(ratio * len(site.radios))) if ratio else 0


def no_zone(site: Site, zone: str | None) -> str | None:
    """Why no plan can be made of this zone: no AP is of it; None: one can, or of the whole site."""
    zones = sorted({ap.zone for ap in site.aps.values() if ap.zone is not None})
    if zone is None or zone in zones:
        return None
    return f"no zone {zone}; " + (f"there are {', '.join(zones)}" if zones else f"{site.id} has none")

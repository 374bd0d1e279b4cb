"""What is asked of a plan: the site's policy, and what a person said instead of it. Pure."""

from __future__ import annotations

import math
from typing import Any

from agent.planner.site.plan import Wishes
from inventory.model import Site


def wishes_of(site: Site, **asked: Any) -> Wishes:
    """The policy's wishes, but for ``asked`` (fields of `Wishes`; None: not said)."""
    policy = site.policy.plan
    ratio = policy.most_moves_ratio
    usual = {
        "most_moves": max(1, math.floor(ratio * len(site.radios))) if ratio else 0,
        "least_gain": policy.min_gain_ratio,
        "limit_s": policy.limit_s,
        "power": policy.power,
        "obss_pd": policy.obss_pd,
    }
    said = {name: value for name, value in asked.items() if value is not None}
    return Wishes(**{**usual, **said})

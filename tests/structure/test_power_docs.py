"""docs/planning.md names every reason that a power plan gives."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"([a-z]+(?:_[a-z]+)+)"')
WORDS = {"defers_less", "defers_more"}
"""What `agent.planner.site.power` calls ways, and shows nobody."""


def test_every_reason_of_a_power_plan_is_explained() -> None:
    site = ROOT / "agent/planner/site"
    code = "".join((site / name).read_text() for name in ("power.py", "ration.py", "spatial_reuse.py"))
    page = (ROOT / "docs/planning.md").read_text()
    section = page[page.index("## Power and OBSS-PD") : page.index("## Non-occupancy periods and CAC")]
    told = {word for word in CODE.findall(code) if not word.endswith(("_db", "_dbm"))} - WORDS
    assert len(told) >= 14
    assert told - set(re.findall(r"`(\w+)`", section)) == set()

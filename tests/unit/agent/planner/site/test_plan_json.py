"""What a plan says survives the way through a pipe."""

from __future__ import annotations

import json
from types import MappingProxyType

from agent.planner.site.plan import Left, Outlook, Plan, PlannedMove, Proof, Wishes
from agent.planner.site.plan_json import from_plan, to_plan
from agent.view import values_of
from drivers.types import Setting
from inventory.channels import block
from inventory.model import Band, RadioKey

HERE, THERE = block(Band.GHZ_5, 36, 80), block(Band.GHZ_6, 37, 320, 6265)
ONE, TWO = RadioKey("lab/ap1/r5"), RadioKey("lab/ap2/r6")

PLAN = Plan(
    site="lab",
    made_utc_us=1_772_000_000_000_001,
    radios=2,
    value_now=3.25,
    value_then=4.5,
    bound=None,
    confidence=0.75,
    moves=(
        PlannedMove(
            radio=TWO,
            step=1,
            target=MappingProxyType({**values_of(THERE), Setting.TX_POWER_DBM: 14}),
            before=None,
            after=THERE,
            mhz_before=0.0,
            mhz_after=180.5,
            gain=0.125,
            cac_s=60.0,
            reasons=("less_contention", "wider"),
            params=MappingProxyType({"own_ppm": 250_000, "to": "37/320-2", "from_dbm": 17}),
        ),
    ),
    outlook=(
        Outlook(radio=ONE, before=HERE, after=HERE, mhz_before=40.0, mhz_after=61.0),
        Outlook(radio=TWO, before=None, after=THERE, mhz_before=0.0, mhz_after=180.5),
    ),
    left=(Left(radio=ONE, reason="pinned_in_the_site_file", params=MappingProxyType({"channel": 36})),),
    gain_ratio=0.9,
    seconds=1.5,
    wishes=Wishes(zone="hall", most_moves=3),
    timed_out=True,
    unplaced=1,
    doubts=MappingProxyType({"few_scans": 1}),
    proof=Proof(radios=3, value=4.25, bound=4.375),
)


def test_a_plan_comes_back() -> None:
    assert to_plan(json.loads(json.dumps(from_plan(PLAN), allow_nan=False))) == PLAN

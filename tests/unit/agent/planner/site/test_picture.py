"""The picture of a plan shows every radio twice, and a line only between those in each other's way."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from unit.agent.planner.site.test_plan_json import PLAN

from agent.planner.site.build import graph
from agent.planner.site.colours import colour
from agent.planner.site.layout import metres, places
from agent.planner.site.picture import svg
from agent.planner.site.plan import Outlook, Plan
from agent.planner.site.snapshot_view import to_view
from agent.view import SiteView
from inventory.channels import Block, block
from inventory.model import Band

HERE, THERE, UPPER = (block(Band.GHZ_5, channel, 20) for channel in (36, 149, 48))
PITCH_M = 12.0


def site(rows: int, columns: int, *, known: bool, **radio: Any) -> SiteView:
    """APs on a grid, all on 36, each hearing those within three rows or columns."""
    at = {f"ap{r}-{c}": (c * PITCH_M, r * PITCH_M, 3.0) for r in range(rows) for c in range(columns)}
    heard = {
        id: [
            {"radio": f"{other}/r5", "signal_dbm": -40.0 - 30.0 * math.log10(math.dist(here, there))}
            for other, there in at.items()
            if 0 < math.dist(here, there) < 3.5 * PITCH_M
        ]
        for id, here in at.items()
    }
    aps = {
        id: {
            **({"position_m": list(place)} if known else {}),
            "radios": {
                "r5": {"band": 5, "now": {"channel": 36, "width_mhz": 20}, "heard": heard[id], **radio}
            },
        }
        for id, place in at.items()
    }
    return to_view({"site": {"id": "lab", "country": "US"}, "aps": aps})


def plan(view: SiteView, after: dict[str, Block | None]) -> Plan:
    """On 36 now; each AP on what is said, else where it is."""
    outlook = tuple(
        Outlook(
            radio=key,
            before=HERE,
            after=after.get(key.split("/")[1], HERE),
            mhz_before=10.0,
            mhz_after=20.0,
        )
        for key in view.radios
    )
    return replace(PLAN, outlook=outlook, moves=())


def drawn(view: SiteView, made: Plan) -> ElementTree.Element:
    return ElementTree.fromstring(svg(view, graph(view).problems, made))


def parts(picture: ElementTree.Element, kind: str) -> list[list[ElementTree.Element]]:
    """Elements of a class, of the panel before and of the panel after."""
    panels = [each for each in picture if each.get("transform")]
    return [[each for each in panel.iter() if each.get("class") == kind] for panel in panels]


def test_every_radio_is_in_both_panels_with_its_block_and_name() -> None:
    view = site(2, 3, known=True)
    now, then = parts(drawn(view, plan(view, {"ap0-0": THERE, "ap1-2": None})), "block")
    assert Counter(each.text for each in now) == {"36/20": 6}
    assert Counter(each.text for each in then) == {"36/20": 4, "149/20": 1, "off": 1}
    names = parts(drawn(view, plan(view, {})), "name")
    assert [{each.text for each in panel} for panel in names] == [set(view.site.aps)] * 2


def test_who_moves_has_a_ring() -> None:
    view = site(2, 3, known=True)
    now, then = parts(drawn(view, plan(view, {"ap0-0": THERE, "ap0-1": UPPER})), "pill moved")
    assert (len(now), len(then)) == (0, 2)
    assert {each.get("fill") for each in then} == {colour(THERE), colour(UPPER)}


def test_the_legend_says_what_a_colour_is_and_counts_primary_channels() -> None:
    view = site(2, 3, known=True)
    texts = [each.text or "" for each in drawn(view, plan(view, {"ap0-0": UPPER, "ap0-1": UPPER})).iter()]
    assert [each for each in texts if each.endswith("\N{RIGHTWARDS ARROW} 2")] == ["0 \N{RIGHTWARDS ARROW} 2"]
    assert "6 \N{RIGHTWARDS ARROW} 4" in texts
    (said,) = [each for each in texts if each.startswith("colour: ")]
    assert "one hue for each 80 MHz" in said
    assert "primary channel, now \N{RIGHTWARDS ARROW} as planned" in said


def test_a_bands_mean_is_that_of_the_first_line() -> None:
    """Geometric, and of the radios that have a place now."""
    view = site(1, 3, known=True)
    (a, b, c) = plan(view, {}).outlook
    outlook = (replace(a, mhz_before=40.0), b, replace(c, before=None, mhz_before=0.0, mhz_after=99.0))
    heads = [each.text for each in drawn(view, replace(PLAN, outlook=outlook)) if each.get("class") == "head"]
    assert heads == ["5 GHz now: 20.0 MHz in the mean", "5 GHz as planned: 20.0 MHz in the mean"]


def test_lines_are_between_those_in_each_others_way_and_wide_where_they_are_near() -> None:
    view = site(1, 3, known=True)
    now, then = parts(drawn(view, plan(view, {"ap0-1": THERE})), "way")
    assert (len(now), len(then)) == (3, 1)
    near, far = (float(each.get("stroke-width", "0")) for each in (now[-1], now[0]))
    assert near > far
    ends = {(round(float(each.get("x1", "0"))), round(float(each.get("x2", "0")))) for each in then}
    ((left, right),) = ends
    assert abs(right - left) > 100  # the two outer ones


def test_the_same_site_gives_the_same_picture() -> None:
    first, again = (site(4, 5, known=False) for _ in range(2))
    made = plan(first, {})
    assert svg(first, graph(first).problems, made) == svg(again, graph(again).problems, made)


@pytest.mark.parametrize("known", [True, False])
def test_no_label_hides_another_at_a_great_site(known: bool) -> None:
    view = site(10, 20, known=known)
    pills = parts(drawn(view, plan(view, {})), "pill")[0]
    at = [(float(each.get("x", "0")), float(each.get("y", "0"))) for each in pills]
    assert len(at) == 200
    hidden = [(a, b) for a in at for b in at if a < b and abs(a[0] - b[0]) < 30 and abs(a[1] - b[1]) < 16]
    assert not hidden


def test_without_positions_who_is_loud_is_near() -> None:
    seen = places(site(6, 6, known=False))
    true = places(site(6, 6, known=True))
    pairs = [(a, b) for a in true for b in true if a < b]
    off = [abs(math.dist(seen[a], seen[b]) - math.dist(true[a], true[b])) for a, b in pairs]
    assert sum(off) / len(off) < PITCH_M / 2


def test_without_positions_the_longest_way_lies_from_left_to_right() -> None:
    seen = places(site(2, 8, known=False)).values()
    wide, high = (max(each) - min(each) for each in zip(*seen, strict=True))
    assert wide > 3 * high


def test_positions_are_kept_and_floors_lie_below_each_other() -> None:
    view = site(2, 2, known=True)
    aps = {
        id: replace(ap, position_m=(*ap.position_m[:2], 7.0 if id == "ap0-0" else 3.0))
        for id, ap in view.site.aps.items()
        if ap.position_m is not None
    }
    found = places(replace(view, site=replace(view.site, aps=aps)))
    assert found["ap0-1"][0] - found["ap1-0"][0] == PITCH_M
    assert found["ap1-0"][1] - found["ap0-1"][1] == PITCH_M
    assert found["ap0-1"][1] - found["ap0-0"][1] > PITCH_M


def test_an_ap_without_a_position_lies_between_those_that_it_hears() -> None:
    view = site(1, 3, known=True)
    aps = {id: replace(ap, position_m=None) if id == "ap0-1" else ap for id, ap in view.site.aps.items()}
    found = places(replace(view, site=replace(view.site, aps=aps)))
    assert found["ap0-1"][0] == pytest.approx(PITCH_M)


def test_groups_that_do_not_hear_each_other_are_apart() -> None:
    view = site(1, 2, known=False)
    deaf = {key: replace(at, neighbors=()) for key, at in view.radios.items()}
    (a, b) = places(replace(view, radios=deaf)).values()
    assert math.dist(a, b) > PITCH_M


@pytest.mark.parametrize(("dbm", "far_m"), [(-40.0, 1.0), (-70.0, 10.0), (-100.0, 100.0), (-140.0, 150.0)])
def test_a_signal_says_how_far(dbm: float, far_m: float) -> None:
    assert metres(dbm) == pytest.approx(far_m)


def test_channels_of_one_80_mhz_have_one_hue_and_no_two_channels_one_colour() -> None:
    blocks5 = [block(Band.GHZ_5, n, 20) for n in (36, 40, 44, 48, 52, 100, 149, 165, 177)]
    assert len({colour(each) for each in blocks5}) == len(blocks5)
    blocks24 = [block(Band.GHZ_2_4, n, 20) for n in range(1, 15)]
    assert len({colour(each) for each in blocks24}) == 14

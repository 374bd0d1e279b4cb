"""What holds for the plan of any site: it is legal, it is not worse, it says what it does."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.small import Ap, on_block, plan_of, view

from agent.planner import legal
from agent.planner.site.plan import Wishes
from agent.view import RadioView, SiteView
from inventory.channels import Block, blocks, channels, widths_mhz
from inventory.model import Band

COUNTRIES = ("US", "DE", "JP", "CN", "BD", "CA")
LEVELS = st.floats(-95.0, -40.0)


@st.composite
def sites(draw: st.DrawFn) -> SiteView:
    """Up to six APs of one band, on any block, be it legal or not; lists, pins, radar and strangers."""
    band = draw(st.sampled_from(list(Band)))
    names = [f"ap{number}" for number in range(draw(st.integers(1, 6)))]
    aps = {name: draw(aps_of(band, names, name)) for name in names}
    barred = draw(st.frozensets(st.sampled_from([each.primary_mhz for each in blocks(band, 20)]), max_size=4))
    return view(aps, country=draw(st.sampled_from(COUNTRIES)), barred_mhz=barred)


@st.composite
def aps_of(draw: st.DrawFn, band: Band, names: list[str], name: str) -> Ap:
    widths = tuple(sorted(draw(st.sets(st.sampled_from(widths_mhz(band)[:3]), min_size=1, max_size=3))))
    on = draw(st.none() | st.sampled_from([each for width in widths for each in blocks(band, width)]))
    some = st.lists(st.sampled_from(channels(band)), min_size=1, max_size=6, unique=True)
    others = st.sampled_from(names)
    strangers = st.tuples(
        st.sampled_from([f"{each.primary}/20" for each in blocks(band, 20)]), LEVELS, st.floats(0, 1)
    )
    return Ap(
        on=None if on is None else f"{on.primary}/{on.width_mhz}",
        band=band,
        widths=widths,
        channels=draw(st.none() | some.map(tuple)),
        hears={other: dbm for other, dbm in draw(st.dictionaries(others, LEVELS)).items() if other != name},
        strangers=tuple(draw(st.lists(strangers, max_size=3))),
        scanned=draw(st.booleans()),
        more={"pinned": draw(st.booleans()), "dfs": draw(st.booleans())},
    )


@given(seen=sites(), most=st.none() | st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_every_plan_is_legal_and_never_worse(seen: SiteView, most: int | None) -> None:
    plan = plan_of(seen, Wishes(most_moves=most))
    for move in plan.moves:
        at = seen.radios[move.radio]
        assert not at.radio.pinned
        assert legal.forbidden(seen, at, move.after) is None
        assert legal.listed(seen, at, move.after) is None
        assert legal.values_forbidden(seen, at, move.target, at.block) is None
        assert move.reasons
        assert math.isfinite(move.mhz_after)
    assert plan.value_then >= plan.value_now - 1e-9
    assert len({move.radio for move in plan.moves}) == len(plan.moves)
    homeless = sum(each.before is None for each in plan.outlook)
    assert most is None or len(plan.moves) <= most + homeless


@given(seen=sites())
@settings(max_examples=20, deadline=None)
def test_no_two_neighbours_move_at_once(seen: SiteView) -> None:
    steps: dict[int, list[str]] = {}
    for move in plan_of(seen).moves:
        near = seen.neighbours(move.radio)
        assert not near & set(steps.get(move.step, []))
        steps.setdefault(move.step, []).append(move.radio)
    assert sorted(steps) == list(range(len(steps)))


@given(seen=sites())
@settings(max_examples=40, deadline=None)
def test_neighbours_among_all_are_the_neighbours_of_each(seen: SiteView) -> None:
    assert seen.neighbours_among(seen.radios) == {key: seen.neighbours(key) for key in seen.radios}


@given(seen=sites())
@settings(max_examples=20, deadline=None)
def test_more_spectrum_never_makes_it_worse(seen: SiteView) -> None:
    """The old plan done, the lists of the site gone and the radar periods over: what was won stays."""
    narrow = plan_of(seen)
    done = {each.radio: each.after for each in narrow.outlook}
    radios = {key: freed(at, done.get(key)) for key, at in seen.radios.items()}
    wide = plan_of(replace(seen, radios=radios, barred_mhz=frozenset()))
    kept = {each.radio: each.before for each in wide.outlook}
    if kept == done:  # nobody had to go, nobody came
        assert wide.value_now == pytest.approx(narrow.value_then)
    assert wide.value_then >= wide.value_now - 1e-9


def freed(at: RadioView, where: Block | None) -> RadioView:
    reading = at.reading
    if where is not None and reading is not None:
        reading = on_block(reading, where)
    return replace(at, reading=reading, radio=replace(at.radio, channels=None, dfs=True))

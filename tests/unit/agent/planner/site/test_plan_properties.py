"""Sites of all kinds, and what holds for the plan of any of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.small import Ap, on_block, plan_of, view

from agent.view import RadioView, SiteView
from inventory.channels import Block, blocks, channels, widths_mhz
from inventory.model import Band, Policy

COUNTRIES = ("US", "DE", "JP", "CN", "BD", "CA", "AU")
LEVELS = st.floats(-95.0, -40.0)


@st.composite
def sites(draw: st.DrawFn) -> SiteView:
    """Up to six APs of one band, on any block, be it legal or not; lists, pins, radar and strangers."""
    band = draw(st.sampled_from(list(Band)))
    names = [f"ap{number}" for number in range(draw(st.integers(1, 6)))]
    few = draw(st.integers(1, len(channels(band))))  # on few channels: they are in each other's way
    aps = {name: draw(aps_of(band, names, name, few)) for name in names}
    barred = draw(st.frozensets(st.sampled_from([each.primary_mhz for each in blocks(band, 20)]), max_size=4))
    country = draw(st.sampled_from(COUNTRIES))
    return view(aps, country=country, policy=Policy(max_inflight_ratio=1.0), barred_mhz=barred)


@st.composite
def aps_of(draw: st.DrawFn, band: Band, names: list[str], name: str, few: int) -> Ap:
    widths = tuple(sorted(draw(st.sets(st.sampled_from(widths_mhz(band)[:3]), min_size=1, max_size=3))))
    where = [each for width in widths for each in blocks(band, width)[:few]]
    on = draw(st.none() | st.sampled_from(where))
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
        more={"pinned": draw(st.booleans()) and draw(st.booleans()), "dfs": draw(st.booleans())},
    )


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
    assume(kept == done)  # nobody had to go, nobody came
    won = math.fsum(math.log(each.mhz_after) for each in narrow.outlook)
    assert wide.value_now == pytest.approx(won)
    assert wide.value_then >= won - 1e-9


def freed(at: RadioView, where: Block | None) -> RadioView:
    reading = at.reading
    if where is not None and reading is not None:
        reading = on_block(reading, where)
    return replace(at, reading=reading, radio=replace(at.radio, channels=None, dfs=True))

"""The made-up sites are the same each time, and lawful."""

from __future__ import annotations

import pytest

from agent.planner.site.problem import value
from benchmarks.plan_peers import started
from benchmarks.plan_sites import Kind, made
from inventory import regulatory
from inventory.channels import PREFERRED_SCANNING
from inventory.model import Band, Radio, radio_key

KINDS = (
    Kind(radios=12, band=Band.GHZ_2_4, widths_mhz=(20,), country="DE"),
    Kind(radios=12, band=Band.GHZ_5, widths_mhz=(20, 40, 80), country="US"),
    Kind(radios=12, band=Band.GHZ_6, widths_mhz=(80,), country="DE"),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_same_site_each_time_and_another_for_another_seed(kind: Kind) -> None:
    once = made(kind)
    assert once == made(kind)
    other = made(Kind(radios=12, band=kind.band, widths_mhz=kind.widths_mhz, country=kind.country, seed=2))
    assert once.problem != other.problem


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_option_is_lawful(kind: Kind) -> None:
    radio = Radio(key=radio_key("site", "ap1", "r"), band=kind.band)
    for member in made(kind).problem.members:
        blocks = [option.block for option in member.options]
        assert all(regulatory.refusal(kind.country, block, radio) is None for block in blocks)
        assert len(set(blocks)) == len(blocks)
        assert {block.width_mhz for block in blocks} <= set(kind.widths_mhz)
        if kind.band is Band.GHZ_6:
            assert {block.primary for block in blocks} <= PREFERRED_SCANNING


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_problem_is_well_formed(kind: Kind) -> None:
    problem = made(kind).problem
    start = started(problem)
    assert 0 < value(problem, start) / len(start) < 6  # 1 to 400 MHz
    ends = [(pair.a, pair.b) for pair in problem.pairs]
    assert len(set(ends)) == len(ends)
    assert all(a < b for a, b in ends)
    assert all(0.0 <= strength <= 1.0 for pair in problem.pairs for strength in pair[2:])

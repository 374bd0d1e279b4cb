"""Reasons in codes: what changed most first."""

from __future__ import annotations

import pytest

from agent.planner.site.problem import Option
from agent.planner.site.reasons import Stand, reasons
from inventory.channels import block
from inventory.model import Band

QUIET = {"usable_khz": 20_000, "rate_ppm": 1_000_000, "non_wifi_ppm": 0, "radar_ppm": 0}


def stand(channel: int = 36, width: int = 20, own: float = 0.0, foreign: float = 0.0, **terms: int) -> Stand:
    option = Option(
        block=block(Band.GHZ_5, channel, width), worth=3.0, foreign=foreign, terms={**QUIET, **terms}
    )
    return Stand(option, own)


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (stand(own=0.6), ("less_contention",)),
        (stand(foreign=0.6), ("away_from_strangers",)),
        (stand(non_wifi_ppm=400_000), ("away_from_interference",)),
        (stand(rate_ppm=800_000), ("quieter_noise",)),
        (stand(radar_ppm=100_000), ("off_dfs",)),
        (stand(own=0.2, foreign=0.9), ("away_from_strangers", "less_contention")),
        (stand(own=0.9, foreign=0.2), ("less_contention", "away_from_strangers")),
        (stand(), ("better_for_others",)),
    ],
)
def test_what_changed_most_is_named_first(before: Stand, told: tuple[str, ...]) -> None:
    assert reasons(before, stand(149)) == told


def test_a_width_that_can_be_used_is_a_reason() -> None:
    assert reasons(stand(), stand(149, 40, usable_khz=40_000)) == ("wider",)
    assert reasons(stand(width=40, usable_khz=22_000), stand(149, 40, usable_khz=40_000)) == (
        "freer_secondary_channels",
    )


def test_who_gets_narrower_does_so_for_others_if_it_has_nothing_of_it() -> None:
    assert reasons(stand(width=40, usable_khz=20_000), stand()) == ("better_for_others",)

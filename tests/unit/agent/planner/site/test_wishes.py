"""What is asked of a plan: of a part of the site that there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rig import site_of

from agent.planner.site.wishes import no_zone
from inventory.model import Site

SITE = site_of(3)


def zoned(*zones: str | None) -> Site:
    """The site, its first APs in these zones."""
    names = [*zones, *[None] * len(SITE.aps)]
    aps = {ap.id: replace(ap, zone=name) for ap, name in zip(SITE.aps.values(), names, strict=False)}
    return replace(SITE, aps=aps)


@pytest.mark.parametrize(
    ("zones", "asked", "why"),
    [
        ((), None, None),
        ((), "east", "no zone east; lab has none"),
        (("west", "hall", "west"), "east", "no zone east; there are hall, west"),
        (("west", "hall", "west"), "hall", None),
        (("west", "hall", "west"), None, None),
    ],
)
def test_a_zone_without_an_ap_is_none(zones: tuple[str, ...], asked: str | None, why: str | None) -> None:
    assert no_zone(zoned(*zones), asked) == why

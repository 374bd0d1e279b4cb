"""Ids of what was found: legal, unique, and as near to the device's own names as they can be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.discovered import aps_of, legal_id
from drivers.types import FoundAp, FoundRadio
from inventory.model import Band
from inventory.scalars import ID

RADIOS = (FoundRadio(name="0", band=Band.GHZ_2_4), FoundRadio(name="1", band=Band.GHZ_5))


@pytest.mark.parametrize(
    ("text", "taken", "expected"),
    [
        ("AP-Lobby 2.OG", (), "ap-lobby-2-og"),
        ("Küche", (), "kuche"),
        ("ap1", ("ap1", "ap1-2"), "ap1-3"),
        ("00:1a:1e:00:00:01", (), "00-1a-1e-00-00-01"),
        ("***", (), "x"),
        ("a" * 40, ("a" * 32,), "a" * 30 + "-2"),
    ],
)
def test_an_id_is_near_to_the_name(text: str, taken: tuple[str, ...], expected: str) -> None:
    assert legal_id(text, taken) == expected


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=30))
def test_ids_are_legal_and_none_twice(names: list[str]) -> None:
    aps = aps_of((FoundAp(mac=None, name=name, radios=RADIOS) for name in names), device="c", site="s")
    ids = [ap.id for ap in aps]
    assert len(set(ids)) == len(ids) == len(names)
    assert all(ID.fullmatch(each) for each in ids)


def test_an_ap_is_told_apart_by_its_mac_else_by_its_name() -> None:
    found = (
        FoundAp(mac="02:00:00:00:00:01", name="lobby", radios=RADIOS),
        FoundAp(mac=None, name="hall", radios=RADIOS),
        FoundAp(mac=None, radios=RADIOS),
        FoundAp(mac="02:00:00:00:00:09", name="no radios"),
    )
    assert [(ap.id, dict(ap.match)) for ap in aps_of(found, device="c", site="s")] == [
        ("lobby", {"mac": "02:00:00:00:00:01"}),
        ("hall", {"name": "hall"}),
        ("c", {}),
    ]


def test_radios_are_called_by_their_band_and_matched_by_their_name() -> None:
    radios = (*RADIOS, FoundRadio(name="2", band=Band.GHZ_5), FoundRadio(name="wifi3"))
    (ap,) = aps_of([FoundAp(mac=None, name="ap", radios=radios)], device="ap", site="s")
    assert [(radio.key, radio.band, radio.ifname) for radio in ap.radios] == [
        ("s/ap/r2", Band.GHZ_2_4, "0"),
        ("s/ap/r5", Band.GHZ_5, "1"),
        ("s/ap/r5-2", Band.GHZ_5, "2"),
        ("s/ap/r-wifi3", Band.GHZ_5, "wifi3"),
    ]

"""The order of the SETs that move a radio: each is one of its own, and the radio is on the air between."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.snmp import plan
from drivers.snmp.load import shipped
from drivers.snmp.parse_answer import Row
from drivers.snmp.plan import Subject
from drivers.types import ConfigState, Edit, RadioState, ScopeRef, Setting, Values
from inventory.channels import Block, blocks
from inventory.model import Band, RadioKey

SCOPE: Final = ScopeRef(kind="radio", name="1", members=(RadioKey("s/a/r"),))
AP: Final = "2.17.34.51.68.85"
ROW: Final = Row(table="radio", suffix=f"{AP}.1", parts={"ap": "02:11:22:33:44:55", "slot": 1, "radio": 1})
WORDS: Final = {
    "airespace": ("14179.2.2.2.1.4.", "513.1.2.1.1.23.", {3: 20, 4: 40, 5: 80, 6: 160}),
    "huawei": ("11.1.9.1.13.", "11.1.9.1.14.", {1: 20, 2: 40, 3: -40, 4: 80, 5: 160}),
}
"""Column of the channel, of the width, and what its words mean; -40: below the primary channel."""


def settable(dialect: str, band: Band) -> list[Block]:
    allowed = shipped()[dialect].set[Setting.CHANNEL].allowed
    widths = (20, 40) if band is Band.GHZ_2_4 and dialect == "huawei" else (20, 40, 80, 160)
    return [
        each
        for width in widths
        for each in blocks(band, width)
        if any(low <= each.primary <= high for low, high in allowed)
        and (dialect == "huawei" or band is Band.GHZ_5 or width == 20)
    ]


def values(at: Block) -> Values:
    return {
        Setting.CHANNEL: at.primary,
        Setting.WIDTH_MHZ: at.width_mhz,
        Setting.CENTER_MHZ: at.center_mhz,
    }


def on_air(dialect: str, old: Block, new: Block) -> list[Block]:
    """What the radio is on after each SET of the move. ValueError for what is no block."""
    channel_in, width_in, words = WORDS[dialect]
    profile = shipped()[dialect]
    settings = frozenset({*profile.set, Setting.CENTER_MHZ})
    subject = Subject(profile=profile, row=ROW, settable=settings, band=old.band)
    have = ConfigState(scope=SCOPE, configured=values(old), in_force=values(old), state=RadioState.ON_AIR)
    edit = Edit(change_id="c", scope=SCOPE, set=values(new))
    primary, width = old.primary, old.width_mhz
    if dialect == "huawei" and width == 40 and old.center_mhz < old.primary_mhz:
        width = -40
    seen = []
    for command in plan.commands(subject, edit, have):
        for one in command.assignments:
            if channel_in in one.oid:
                primary = int(one.value)
            elif width_in in one.oid:
                width = words[int(one.value)]
            else:
                continue
            seen.append(meant(dialect, old.band, primary, width))
    return seen


def meant(dialect: str, band: Band, primary: int, width: int) -> Block:
    """The block that a channel and a word for the width are to the device."""
    for each in blocks(band, abs(width)):
        below = each.center_mhz < each.primary_mhz
        if each.primary == primary and (
            dialect != "huawei" or width not in (40, -40) or below is (width < 0)
        ):
            return each
    raise ValueError(f"{primary}/{width} is no block")


@pytest.mark.parametrize("dialect", sorted(WORDS))
@pytest.mark.parametrize("band", [Band.GHZ_2_4, Band.GHZ_5])
@given(data=st.data())
def test_each_step_is_on_a_block_of_the_old_place_or_the_new(
    dialect: str, band: Band, data: st.DataObject
) -> None:
    there = settable(dialect, band)
    old, new = data.draw(st.sampled_from(there)), data.draw(st.sampled_from(there))
    seen = on_air(dialect, old, new)
    assert all(each.mhz20 <= old.mhz20 or each.mhz20 <= new.mhz20 for each in seen)
    assert (seen or [old])[-1] == new


def test_narrow_first_then_move() -> None:
    (old,) = [each for each in blocks(Band.GHZ_5, 80) if each.primary == 149]
    (new,) = [each for each in blocks(Band.GHZ_5, 20) if each.primary == 165]
    assert [str(each) for each in on_air("airespace", old, new)] == ["149/20", "165/20"]
    assert [str(each) for each in on_air("huawei", old, new)] == ["149/20", "165/20"]


def test_move_first_then_widen() -> None:
    (old,) = [each for each in blocks(Band.GHZ_5, 20) if each.primary == 165]
    (new,) = [each for each in blocks(Band.GHZ_5, 80) if each.primary == 36]
    assert [str(each) for each in on_air("airespace", old, new)] == ["36/20", "36/80"]


def test_40_mhz_on_another_side_goes_through_20() -> None:
    (old,) = [each for each in blocks(Band.GHZ_5, 40) if each.primary == 36]
    (new,) = [each for each in blocks(Band.GHZ_5, 40) if each.primary == 48]
    assert [str(each) for each in on_air("huawei", old, new)] == ["36/20", "48/20", "48/40"]

"""A story is ok only if all of it came as it should."""

from __future__ import annotations

from agent.demo.script import RADAR, RADAR_AT
from agent.demo.stories import STORIES, Hour, Outcome, Stay, judged
from agent.moment import Deadline
from agent.nop import Nop
from inventory.channels import Block, block
from inventory.model import Band, RadioKey
from inventory.regulatory import NOP_S

HIT_US = 360_000_000
ON_52, ON_44, ON_52_WIDE = (block(Band.GHZ_5, *where) for where in ((52, 20), (44, 20), (56, 40)))
OTHER = RadioKey("demo/gym/r5")


def stay(radio: RadioKey, after_s: float, where: Block | None) -> Stay:
    return Stay(at_us=HIT_US + round(after_s * 1e6), radio=radio, block=where, power_dbm=17)


def radar(*stays: Stay, barred_s: float = NOP_S) -> Outcome:
    until = Deadline(utc_us=HIT_US + round(barred_s * 1e6), boot_id="b", boottime_us=0)
    hour = Hour(
        stays=[stay(RADAR_AT, -360, ON_52), *stays],
        begun={RADAR: HIT_US},
        nops=[Nop(site="demo", mhz20=5260, deadline=until, by_radio=RADAR_AT)],
    )
    return judged(hour)[0]


def test_radar_as_the_law_wants_it() -> None:
    found = radar(stay(OTHER, -360, ON_52_WIDE), stay(RADAR_AT, 1, ON_44))
    assert found.ok, found.got
    assert found.got == "off after 1 s; barred for 30 min; no radio landed there"


def test_radar_that_goes_wrong_is_told() -> None:
    assert radar().got.startswith("still on it")
    assert not radar().ok
    assert not radar(stay(RADAR_AT, 11, ON_44)).ok
    assert radar(stay(RADAR_AT, 9, None)).ok, "silence is legal"
    assert not radar(stay(RADAR_AT, 1, ON_44), barred_s=600).ok


def test_who_lands_on_a_barred_channel_is_named() -> None:
    back = radar(stay(OTHER, -360, ON_44), stay(RADAR_AT, 1, ON_44), stay(OTHER, 900, ON_52_WIDE))
    assert not back.ok
    assert "demo/gym/r5 landed there" in back.got
    assert radar(stay(OTHER, -360, ON_44), stay(RADAR_AT, 1, ON_44), stay(OTHER, 1801, ON_52_WIDE)).ok


def test_an_hour_in_which_nothing_happened_fulfils_nothing() -> None:
    found = judged(Hour())
    assert [each.name for each in found] == [story.name for story in STORIES]
    assert not any(each.ok for each in found)
    assert all(each.got for each in found)

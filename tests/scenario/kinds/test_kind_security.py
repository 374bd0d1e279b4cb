"""SECURITY, from the attack to the clearing: told, and at most a jammed channel is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from rig import site_of, until
from stories import (
    AP1,
    AP2,
    NEAR_AP1,
    SHORT,
    change_for,
    changes_for,
    codes,
    event_of,
    evidence,
    over,
    policy_of,
    raised,
    said,
    stage,
    tells_one_story,
    with_options,
)

from agent.change import Cause, State
from agent.clock import Clock
from agent.events import EventKind
from agent.simulated_time import run
from inventory.channels import block
from inventory.model import Band, Site

SECURITY = EventKind.SECURITY
ELSEWHERE = block(Band.GHZ_5, 161, 20)
PLAIN = site_of(4, policy=SHORT, widths=(20,))
DETECTION = with_options(PLAIN, intrusion_detection=True)


@pytest.mark.parametrize(
    ("site", "what"), [(PLAIN, "rogue"), (DETECTION, "impersonation")], ids=["heard", "told_by_the_device"]
)
def test_a_rogue_is_told_of_and_left_alone(tmp_path: Path, site: Site, what: str) -> None:
    """A device that detects intrusions has another word for it: the rogue bears our SSID."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, site) as (rig, agent):
            rig.world.hostile.add_rogue("0e:00:00:00:00:09", ELSEWHERE, NEAR_AP1)
            event = await event_of(agent, SECURITY)
            assert event.evidence["bssid"] == "0e:00:00:00:00:09"
            await asyncio.sleep(600.0)
            rig.world.hostile.remove("0e:00:00:00:00:09")
            await over(agent, event)
            assert not agent.memory.changes
        told = tells_one_story(rig, SECURITY, key=what)
        assert codes(told) == ["event.raised", "alert_security", "event.cleared"]

    run(story)


def test_somebody_with_our_own_address_is_told_of(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, calm_s=700.0) as (rig, agent):
            bssid = rig.world.hostile.impersonate(AP2, ELSEWHERE, NEAR_AP1)
            event = await event_of(agent, SECURITY)
            assert event.key == f"impersonation:{bssid}"
            rig.world.hostile.remove(bssid)
            await over(agent, event)
            assert [alert.text for alert in agent.alerts] == ["Security: impersonation"]
            assert not agent.memory.changes
        assert codes(tells_one_story(rig, SECURITY))[1] == "alert_security"

    run(story)


def test_a_flood_is_told_of(tmp_path: Path) -> None:
    """The device has no word for it: it shows in the clients that leave and come back."""

    async def story(clock: Clock) -> None:
        site = site_of(4, policy=policy_of(flood_per_minute=4.0), widths=(20,))
        async with stage(tmp_path, clock, site) as (rig, agent):
            rig.world.hostile.flood(AP1, clock.monotonic() + 120.0)
            event = await event_of(agent, SECURITY)
            assert event.key == f"flood:{AP1}"
            await over(agent, event)
            assert [alert.text for alert in agent.alerts] == ["Security: flood"]
            assert not agent.memory.changes
        assert evidence(tells_one_story(rig, SECURITY)[0])["per_minute"] >= 4

    run(story)


def test_an_attack_that_the_device_names_is_told_of_at_once(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, DETECTION) as (rig, agent):
            began_s = clock.monotonic()
            rig.world.hostile.flood(AP1, began_s + 60.0)
            event = await event_of(agent, SECURITY)
            assert clock.monotonic() - began_s < 2.0
            await over(agent, event)
        told = tells_one_story(rig, SECURITY)
        assert evidence(told[0])["told"] == "deauthentication flood"

    run(story)


def test_a_jammed_channel_is_left_once_in_half_an_hour(tmp_path: Path) -> None:
    """Else whoever has a jammer steers us: the same interference is no burst that may be left as well."""

    async def story(clock: Clock) -> None:
        policy = replace(policy_of(qoe_retry_floor=0.9), routine_interval_s=60.0)
        async with stage(tmp_path, clock, site_of(4, policy=policy, widths=(20,))) as (rig, agent):
            here = rig.block()
            rig.world.hostile.add_jammer("one", here.low_mhz, here.high_mhz, NEAR_AP1)
            first = await event_of(agent, SECURITY)
            change = await change_for(agent, first)
            assert (change.state, change.cause) == (State.COMMITTED, Cause.SECURITY)
            await over(agent, first)
            assert not rig.block().mhz20 & here.mhz20
            await asyncio.sleep(700.0)
            there = rig.block()
            rig.world.hostile.add_jammer("two", there.low_mhz, there.high_mhz, NEAR_AP1)
            second = await event_of(agent, SECURITY)
            await asyncio.sleep(300.0)
            assert not changes_for(agent, second)
            assert rig.block() == there
            change = await change_for(agent, second, limit_s=2400.0)
            assert change.created_utc_us - second.raised_utc_us > 300e6
            assert not rig.block().mhz20 & there.mhz20
        assert not raised(rig, EventKind.NON_WIFI_BURST)
        assert len(raised(rig, SECURITY)) == 2
        assert len(said(rig, "left_a_jammed_channel_lately")) == 1, "once, however often it is decided again"

    run(story)


def test_nobody_elses_device_is_ever_touched(tmp_path: Path) -> None:
    """All attacks at once: what is written goes to our own radios, to leave the jammed channel."""

    async def story(clock: Clock) -> None:
        async with stage(tmp_path, clock, DETECTION) as (rig, agent):
            here = rig.block()
            rig.world.hostile.add_rogue("0e:00:00:00:00:09", ELSEWHERE, NEAR_AP1)
            rig.world.hostile.flood(AP2, clock.monotonic() + 60.0)
            rig.world.hostile.add_jammer("one", here.low_mhz, here.high_mhz, NEAR_AP1)
            await until(lambda: agent.memory.changes, limit_s=300.0)
            await asyncio.sleep(300.0)
            assert {key for change in agent.memory.changes.values() for key in change.radios} == {AP1}
        assert not agent.memory.deeds

    run(story)

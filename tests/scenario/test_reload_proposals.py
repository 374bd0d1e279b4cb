"""A new configuration while a proposal waits: nothing was sent for it, so it holds nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rig import final, killed, renamed, rig_of, until
from scenario.test_operator import ADVISE, PERSON, move, opened, read
from scenario.test_reload import without

from agent.agent import Agent
from agent.api.errors import Refused
from agent.change import Change, State
from agent.lane import Lane
from agent.simulated_time import SimulatedClock, run
from inventory.model import Site


def at(site: Site, address: str) -> Site:
    device = replace(site.devices["ap1"], address=address)
    return replace(site, devices=MappingProxyType({**site.devices, "ap1": device}))


def with_radio(site: Site, **other: Any) -> Site:
    ap = site.aps["ap1"]
    radios = tuple(replace(radio, **other) for radio in ap.radios)
    return replace(site, aps=MappingProxyType({**site.aps, "ap1": replace(ap, radios=radios)}))


def answering_for(site: Site, device: str) -> Site:
    """ap1 is one of another device's radios."""
    return replace(site, aps=MappingProxyType({**site.aps, "ap1": replace(site.aps["ap1"], device=device)}))


async def proposed(agent: Agent) -> Change:
    await read(agent)
    change = await opened(agent, move(161))
    assert change.state is State.PROPOSED
    return change


def test_a_new_address_is_used_at_once_and_the_proposal_can_be_approved(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            change, before = await proposed(agent), agent.fleet.lane("lab", "ap1")
            report = await agent.reload({"lab": at(rig.site, "there")})
            assert (report.changed, report.held) == (("lab/ap1",), ())
            assert agent.sites["lab"].devices["ap1"].address == "there"
            assert agent.fleet.lane("lab", "ap1") is not before
            assert agent.memory.changes[change.id].state is State.PROPOSED
            await agent.operator.approve(change.id, PERSON)
            assert (await final(agent, change)).state is State.COMMITTED
            assert rig.block().primary == 161
        rig.verify()

    run(story)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (lambda site: without(site, "ap1"), "left_the_configuration"),
        (lambda site: None, "left_the_configuration"),
        (lambda site: with_radio(site, channels=(36, 44)), "configured_otherwise"),
        (lambda site: answering_for(site, "ap2"), "configured_otherwise"),
    ],
    ids=["ap", "site", "radio", "device"],
)
def test_a_proposal_for_a_radio_that_is_gone_or_another_now_ends(
    tmp_path: Path, other: Any, reason: str
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            change = await proposed(agent)
            wanted = other(rig.site)
            await agent.reload({"lab": wanted} if wanted else {})
            assert agent.memory.changes[change.id].state is State.EXPIRED
            (last,) = [r for r in rig.records() if r["change_id"] == change.id and r["to_state"] == "EXPIRED"]
            assert last["reason"]["code"] == reason
            assert agent.sites == ({"lab": wanted} if wanted else {})
            assert not agent.memory.leaving
            with pytest.raises(Refused, match="its radio is another now"):
                await agent.operator.approve(change.id, PERSON)
        rig.verify()

    run(story)


def test_one_that_is_approved_as_its_radio_leaves_is_carried_to_its_end(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            change = await proposed(agent)
            await agent.operator.approve(change.id, PERSON)
            report = await agent.reload({"lab": without(rig.site, "ap1")})
            assert report.held == ("lab/ap1",)
            assert (await final(agent, change)).final
            await until(lambda: ("lab", "ap1") not in agent.lanes, limit_s=60)

    run(story)


def test_a_refused_configuration_ends_no_proposal(tmp_path: Path) -> None:
    def refused(site: Site, device: str) -> Lane:
        raise OSError("no such login")

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            change = await proposed(agent)
            agent.fleet._make_lane = refused
            with pytest.raises(OSError, match="no such login"):
                await agent.reload({"lab": at(with_radio(rig.site, channels=(36,)), "there")})
            assert agent.memory.changes[change.id].state is State.PROPOSED

    run(story)


@pytest.mark.parametrize("whole_site", [False, True])
def test_a_proposal_whose_radio_left_while_no_daemon_ran_does_not_linger(
    tmp_path: Path, whole_site: bool
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig:
            async with killed(rig) as agent:
                change = await proposed(agent)
            rig.site = renamed(rig.site, "other") if whole_site else without(rig.site, "ap1")
            async with rig.agent() as agent:
                row = agent.ledger.store.change
                if whole_site:
                    waits = row(change.id)
                    assert waits is not None
                    assert waits.state is State.PROPOSED, "another agent may have the site"
                    await asyncio.sleep(ADVISE.policy.advise_expiry_s + 60.0)
                ended = row(change.id)
                assert ended is not None
                assert ended.state is State.EXPIRED
                assert not any(change.id in alert.text for alert in agent.alerts)

    run(story)

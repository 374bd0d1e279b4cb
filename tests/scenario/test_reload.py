"""A new configuration without a restart: open changes are carried to their end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rig import LosableDisk, Rig, final, rig_of, site_of, until

from agent.agent import Agent
from agent.change import Actor, Change, State
from agent.events import EventKind
from agent.lane import Lane
from agent.moment import Deadline
from agent.nop import Nop
from agent.planner.decision import NoChange
from agent.simulated_time import SimulatedClock, run
from agent.store.errors import StoreUnavailable
from inventory.credentials import CredentialError
from inventory.model import Mode, Site

PERSON = Actor(type="operator", uid=1000, name="ann")


def without(site: Site, ap: str) -> Site:
    return replace(
        site,
        aps=MappingProxyType({id: each for id, each in site.aps.items() if id != ap}),
        devices=MappingProxyType({id: each for id, each in site.devices.items() if id != ap}),
    )


async def monitored(rig: Rig, agent: Agent) -> Change:
    """A change of ap1 that is being monitored."""
    await until(lambda: (last := agent.memory.radios[rig.key].history.last) and last.at_s >= 400)
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None
    return await agent.executor.settled(done.change.id, State.MONITORING)


def test_an_ap_that_leaves_is_served_until_its_change_is_over(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            change = await monitored(rig, agent)
            report = await agent.reload({"lab": without(rig.site, "ap1")})
            assert report.removed == report.held == ("lab/ap1",)
            assert ("lab", "ap1") in agent.lanes
            refused = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, rig.key, channel=36, width_mhz=None, act=True, actor=PERSON
            )
            assert isinstance(refused.decision, NoChange)
            assert "pause" in {veto.guard for veto in refused.decision.vetoes}
            assert (await final(agent, change)).state is State.COMMITTED
            await until(lambda: ("lab", "ap1") not in agent.lanes, limit_s=60)
            assert rig.key not in agent.memory.radios
        rig.verify()

    run(story)


def test_what_a_reload_leaves_alone_is_not_disturbed(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            change = await monitored(rig, agent)
            lanes, history = dict(agent.lanes), agent.memory.radios[rig.key].history
            policy = replace(rig.site.policy, poll_s=20.0, cooldown_s=77.0)
            await agent.reload({"lab": replace(rig.site, policy=policy)})
            assert dict(agent.lanes) == lanes
            assert agent.memory.radios[rig.key].history is history
            assert agent.sites["lab"].policy.cooldown_s == 77.0
            assert (await final(agent, change)).state is State.COMMITTED

    run(story)


@pytest.mark.parametrize("left", ["ap2", "ap4"])
def test_an_ap_that_leaves_does_not_disturb_the_watch_of_a_change(tmp_path: Path, left: str) -> None:
    """A neighbour, or a radio that the change is compared with."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            change = await monitored(rig, agent)
            await agent.reload({"lab": without(rig.site, left)})
            assert (await final(agent, change)).state is State.COMMITTED
            assert not agent.alerts

    run(story)


def test_a_new_ap_is_polled_and_a_moved_one_gets_a_new_session(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            whole = rig.site
            rig.site = without(whole, "ap4")
            async with rig.agent() as agent:
                await until(lambda: agent.memory.radios[rig.key].reading)
                before = agent.fleet.lane("lab", "ap2")
                device = replace(whole.devices["ap2"], address="elsewhere")
                moved = replace(whole, devices=MappingProxyType({**whole.devices, "ap2": device}))
                report = await agent.reload({"lab": moved})
                assert (report.added, report.changed) == (("lab/ap4",), ("lab/ap2",))
                assert agent.fleet.lane("lab", "ap2") is not before
                new = next(key for key in moved.radios if "ap4" in key)
                await until(lambda: agent.memory.radios[new].reading, limit_s=30)

    run(story)


def test_a_whole_site_may_go_and_come_back(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            change = await final(agent, await monitored(rig, agent))
            await agent.reload({})
            assert not agent.lanes
            assert not agent.memory.radios
            await agent.reload({"lab": rig.site})
            await until(lambda: agent.memory.radios[rig.key].reading, limit_s=30)
            assert agent.memory.changes[change.id].state is State.COMMITTED

    run(story)


def test_a_login_that_is_missing_changes_nothing(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig:
            whole = rig.site
            rig.site = without(whole, "ap4")
            async with rig.agent() as agent:
                await until(lambda: agent.memory.radios[rig.key].reading)
                make_lane = agent.fleet._make_lane

                def without_login(site: Site, device: str) -> Lane:
                    if device == "ap4":
                        raise CredentialError("cred:ap4 is nowhere")
                    return make_lane(site, device)

                agent.fleet._make_lane = without_login
                lanes = dict(agent.lanes)
                with pytest.raises(CredentialError):
                    await agent.reload({"lab": whole})
                assert dict(agent.lanes) == lanes
                assert "ap4" not in agent.sites["lab"].aps

    run(story)


def test_what_was_put_off_waits_for_a_disk_that_is_lost(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            change = await monitored(rig, agent)
            await agent.reload({"lab": without(rig.site, "ap1")})
            read = agent.ledger.store.open_changes

            def lost(site: str | None = None) -> list[Change]:
                raise StoreUnavailable("input/output error")

            agent.ledger.store.open_changes = lost  # type: ignore[method-assign]
            await final(agent, change)
            await asyncio.sleep(120.0)
            agent.ledger.store.open_changes = read  # type: ignore[method-assign]
            await until(lambda: agent.memory.observing_only is None, limit_s=120)
            assert ("lab", "ap1") not in agent.lanes

    run(story)


class Calls(LosableDisk):
    """Fails from call number ``left`` on, for as long as `LosableDisk.lost` is set by that."""

    left: int | None = None

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if not callable(found) or name == "close":
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.left is not None:
                self.left -= 1
                self.lost = self.lost or self.left <= 0
            return super(Calls, self).__getattr__(name)(*args, **kwargs)

        return call


def test_a_reload_is_whole_or_not_wherever_the_store_is_lost(tmp_path: Path) -> None:
    """At each of its store calls: a site is served with all that the store knows of it, or not written to."""

    async def story(clock: SimulatedClock, at: int) -> bool:
        (tmp_path / str(at)).mkdir()
        async with rig_of(tmp_path / str(at), clock, site_of(2)) as rig:
            rig.wrap_store = Calls
            async with rig.agent() as agent:
                store: Any = agent.ledger.store
                await agent.reload({})
                store.bar([Nop(site="lab", mhz20=5300, deadline=hour(clock), by_radio=rig.key)], [])
                slower = replace(rig.site, policy=replace(rig.site.policy, cooldown_s=77.0))
                store.left = at
                try:
                    await agent.reload({"lab": slower})
                    taken = True
                except StoreUnavailable:
                    taken = False
                hit = bool(store.lost)
                assert ("lab" in agent.sites) is taken
                if hit and taken and agent.memory.standby:
                    assert agent.ledger.unleased("lab", 1.0)
                elif taken:
                    assert 5300 in agent.memory.barred("lab", clock.now())
                store.left, store.lost = None, False
                await until(lambda: "lab" in agent.sites and not agent.memory.observing_only, limit_s=90)
                await until(lambda: not agent.memory.standby, limit_s=90)
                assert agent.sites["lab"].policy.cooldown_s == 77.0
                assert 5300 in agent.memory.barred("lab", clock.now())
                assert agent.ledger.unleased("lab", 1.0) is None
        rig.verify()
        return hit

    worked = [at for at in range(1, 16) if run(partial(story, at=at))]
    assert worked == list(range(1, len(worked) + 1))
    assert len(worked) > 6


def hour(clock: SimulatedClock) -> Deadline:
    return Deadline.after(clock.now(), 3600.0)


@pytest.mark.parametrize("worse", [False, True])
def test_in_observe_mode_an_open_change_is_carried_to_its_end(tmp_path: Path, worse: bool) -> None:
    """Kept, or taken back when a person says so: what the agent began it does not leave half-way."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            before = rig.block()
            change = await monitored(rig, agent)
            observe = replace(rig.site, policy=replace(rig.site.policy, mode=Mode.OBSERVE))
            await agent.reload({"lab": observe})
            if worse:
                await agent.operator.rollback(agent.changes.token(change), PERSON)
            after = await final(agent, change)
            assert after.state is (State.ROLLED_BACK if worse else State.COMMITTED)
            assert (rig.block() == before) is worse
            refused = await agent.operator.inject(
                EventKind.NON_WIFI_BURST, rig.key, channel=36, width_mhz=None, act=True, actor=PERSON
            )
            assert refused.change is None

    run(story)


def test_a_login_that_was_taken_away_does_not_end_the_daemon(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            await until(lambda: agent.memory.radios[rig.key].reading)

            def gone(site: Site, device: str) -> Lane:
                raise CredentialError(f"cred:{device} is nowhere")

            agent.fleet._make_lane = gone
            rig.world.hardware.cut_management("lab/ap1")
            await until(lambda: "lab/ap1" in agent.memory.lost, limit_s=300)
            await asyncio.sleep(120.0)
            rig.world.hardware.restore_management("lab/ap1")
            await until(lambda: "lab/ap1" not in agent.memory.lost, limit_s=600)

    run(story)

"""The daemon is killed before and after every store, audit and driver call of a change, and started again.

All points are enumerated, none is sampled; the suite ends with how many there were.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from reaper import Killed, Reaper
from rig import Rig, rig_of, site_of, until
from stories import with_options

from agent.agent import Agent
from agent.change import Actor, Cause, Change, State, agrees
from agent.clock import Clock
from agent.events import EventKind
from agent.planner.decision import Move
from agent.simulated_time import run
from agent.simulation import as_it_is
from agent.store.store import Store
from drivers.simulated import firmware
from drivers.simulated.faults import NO_FAULTS, Fault, FaultPlan, Kind, Operation, Scripted
from drivers.types import RadioState, Setting
from inventory.channels import block
from inventory.model import Band, Mode, MonitorPolicy, Policy

PERSON = Actor(type="operator", uid=1000, name="ann")
QUICK = Policy(
    mode=Mode.ACT,
    poll_s=2.0,
    apply_timeout_s=5.0,
    ack_timeout_s=10.0,
    monitor=MonitorPolicy(
        slot_s=4.0, min_frames=20, settle_s=2.0, lost_client_after_s=10.0, baseline_slots=12, no_data_s=60.0
    ),
)
BACK = {State.ROLLED_BACK, State.FAILED, State.EXPIRED}

Story = Callable[[Rig, Agent], Awaitable[None]]


async def held(rig: Rig, agent: Agent) -> None:
    """A change that does no harm."""
    await drill(rig, agent)


async def worse(rig: Rig, agent: Agent) -> None:
    """A change that makes retries worse, and is taken back."""
    rig.world.spoil(rig.key, block(Band.GHZ_5, 161, 20), 6.0)
    await drill(rig, agent)


async def refused(rig: Rig, agent: Agent) -> None:
    """A change that the device refuses."""
    await drill(rig, agent)


async def lost_ack(rig: Rig, agent: Agent) -> None:
    """A change whose answer is lost."""
    await drill(rig, agent)


async def undone(rig: Rig, agent: Agent) -> None:
    """A change that a person takes back while it is being monitored."""
    opened = await drill(rig, agent)
    await agent.executor.settled(opened.id, State.MONITORING)
    await agent.operator.rollback(agent.changes.token(opened), PERSON)


async def configured(rig: Rig, agent: Agent) -> None:
    """A change of which the device can only tell that it is configured, and a person who takes it back."""
    level = {Setting.OBSS_PD_DBM: -79}
    move = Move(radio=rig.key, target=level, cause=Cause.OPERATOR, reason="requested")
    opened = await agent.changes.open(move, actor=PERSON)
    assert isinstance(opened, Change), opened
    await agent.executor.settled(opened.id, State.MONITORING)
    await agent.operator.rollback(agent.changes.token(opened), PERSON)


async def radar(rig: Rig, agent: Agent) -> None:
    """Radar on the target while a change is being monitored; the AP does not leave by itself."""
    opened = await drill(rig, agent, 60)
    await agent.executor.settled(opened.id, State.MONITORING)
    rig.world.set_stubborn(rig.key)
    rig.world.radar(rig.key)
    await asyncio.sleep(1)
    await agent.radar.quiet()


STORIES: dict[str, tuple[Story, FaultPlan]] = {
    "held": (held, NO_FAULTS),
    "worse": (worse, NO_FAULTS),
    "undone": (undone, NO_FAULTS),
    "configured": (configured, NO_FAULTS),
    "refused": (refused, FaultPlan((Scripted(Operation.APPLY, 1, Fault(Kind.REFUSED), device="ap1"),))),
    "lost_ack": (
        lost_ack,
        FaultPlan((Scripted(Operation.APPLY, 1, Fault(Kind.TIMEOUT_DONE), device="ap1"),)),
    ),
    "radar": (radar, NO_FAULTS),
}


async def drill(rig: Rig, agent: Agent, channel: int = 161) -> Change:
    done = await agent.operator.inject(
        EventKind.NON_WIFI_BURST, rig.key, channel=channel, width_mhz=None, act=True, actor=PERSON
    )
    assert done.change is not None, done.decision
    return done.change


def live(directory: Path, name: str, kill_at: int | None) -> Reaper:
    """One life and, when it was cut short, the next; everything is checked at the end."""
    reaper = Reaper(kill_at)

    async def lives(clock: Clock) -> None:
        story, faults = STORIES[name]
        alone = name == "configured"
        site = site_of(1 if alone else 2, policy=QUICK, undo_timer=name not in ("lost_ack", "configured"))
        site = with_options(site, obss_pd_acts=not alone)
        async with rig_of(directory, clock, site, faults=faults, channels=(36, 149), clients=4) as rig:
            rig.wrap_store, rig.wrap_audit, rig.wrap_device = reaper.store, reaper.audit, reaper.device
            await first_life(rig, story, reaper)
            rig.wrap_store = rig.wrap_audit = rig.wrap_device = as_it_is
            rig.ids = _second_ids()
            await second_life(rig)

    run(lives)
    return reaper


async def first_life(rig: Rig, story: Story, reaper: Reaper) -> None:
    agent, ledger = rig.build()
    running = asyncio.create_task(agent.run(), name="agent")
    try:
        await agent.ready.wait()
        await until(lambda: (last := agent.memory.radios[rig.key].history.last) and last.at_s >= 50)
        reaper.armed = True
        telling = asyncio.create_task(_whole(story, rig, agent), name="story")
        await asyncio.wait({running, telling}, return_when=asyncio.FIRST_COMPLETED)
        if reaper.dead:
            telling.cancel()
        await asyncio.gather(telling, return_exceptions=reaper.dead)
    finally:
        reaper.dead = True  # whatever is still running is no more
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ledger.close()


async def _whole(story: Story, rig: Rig, agent: Agent) -> None:
    await story(rig, agent)
    await until(lambda: all(c.final for c in agent.memory.changes.values()), limit_s=600)


async def second_life(rig: Rig) -> None:
    async with rig.agent() as agent:
        for _ in range(2):  # radar found by the first poll opens a change of its own
            await asyncio.sleep(3 * QUICK.poll_s)
            await agent.radar.quiet()
            await until(lambda: all(c.final for c in agent.memory.changes.values()), limit_s=1000)
        await until(lambda: rig.world.radio(rig.key).state is RadioState.ON_AIR, limit_s=200)
        await asyncio.sleep(120)  # longer than any timer that a device may still have armed
        barred = agent.memory.barred("lab", agent.clock.now())
        assert not rig.block().mhz20 & barred, "on a channel in its non-occupancy period"
    rig.verify()
    check_store(rig)


def check_store(rig: Rig) -> None:
    """Each change is final, the device says what the store says, the audit told every step."""
    store = Store(rig.url)
    try:
        changes = store.changes()
        used = {c.id: row.used_utc_us for c in changes if (row := store.token(c.token_sha256 or ""))}
        assert not store.open_changes()
    finally:
        store.close()
    for change in changes:
        assert change.final
        assert change.state is not State.ESCALATED, rig.records()
        assert rig.steps(change.id)[-1] == change.state
        if change.state in (State.COMMITTED, State.SUPERSEDED, State.FAILED, State.EXPIRED):
            assert used[change.id] is None or change.state is State.SUPERSEDED
    settled = [c for c in changes if c.state is not State.SUPERSEDED]
    if settled:
        last = max(settled, key=lambda c: c.created_utc_us)
        wanted = (last.rollback_to or last.prior) if last.state in BACK else last.target
        have = rig.world.radio(rig.key).in_force()
        assert agrees(wanted, have), (last.state, wanted, have)


def _second_ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-7000-8001-{next(numbers):012d}"


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.timeout(600)
def test_every_kill_point_is_survived(
    tmp_path: Path,
    name: str,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(firmware, "RESTART_S", 0.5)  # read-backs of a silent radio are all alike
    points = live(_fresh(tmp_path, "whole"), name, None)
    assert points.calls > 20
    failures = {at: why for at in range(1, points.calls + 1) if (why := _killed(tmp_path, name, at))}
    record_property("kill_points", points.calls)
    record_property("survived", points.calls - len(failures))
    told = "\n".join(f"{at} {points.names[at - 1]}: {why!r}" for at, why in failures.items())
    if failures:
        raise AssertionError(f"{name}: {len(failures)} of {points.calls}\n{told}") from next(
            iter(failures.values())
        )


def _killed(tmp_path: Path, name: str, at: int) -> BaseException | None:
    """What went wrong after dying at this point; None: nothing."""
    directory = _fresh(tmp_path, str(at))
    try:
        live(directory, name, at)
    except (Exception, Killed) as error:  # whatever it is, it belongs to this point, and the next is tried
        return error
    finally:
        shutil.rmtree(directory)
    return None


def _fresh(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    os.mkdir(path)
    return path

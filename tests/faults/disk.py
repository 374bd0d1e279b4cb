"""The disk of the agent's machine goes wrong: full, locked, damaged, and radar meanwhile."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest
from faults.case import Case, Elsewhere, Phase, Unapplied
from faults.scene import AP1, AP3, PERSON, TARGET, Scene, State
from faults.spoiled import BACK_S, NOTICED_S, Disk, Locked, Refusing, damage, impatient
from faults.writes import A, B, C, M, P
from rig import until

from agent.change import Change
from agent.ledger import LOST_DISK
from agent.planner.decision import NoChange
from inventory.model import RadioKey

LAW_S = 10.0
"""A radio that heard radar is off the channel by then."""


@asynccontextmanager
async def lost(scene: Scene) -> AsyncIterator[None]:
    """The disk is away in the block, if it is not so already, and it is back after it. The well AP is read
    as ever, and a person is told once."""
    since_s = scene.clock.monotonic()
    scene.disk.lose()
    try:
        await until(lambda: scene.agent.memory.observing_only, limit_s=NOTICED_S)
        yield
    finally:
        scene.disk.give_back()
    assert len(_told(scene)) == 1, _told(scene)
    await until(lambda: scene.agent.memory.observing is None, limit_s=BACK_S)
    times = [at_s for at_s in scene.reads if at_s >= since_s]
    assert all(after - before < 3 * scene.rig.site.policy.poll_s for before, after in pairwise(times)), times
    scene.strikes()


def _told(scene: Scene) -> list[str]:
    return [alert.text for alert in scene.alerts if "only observing" in alert.text]


async def idle(scene: Scene) -> None:
    async with lost(scene):
        with pytest.raises(LOST_DISK):
            await scene.ask()
        await scene.sleep(60.0)
        assert not scene.writes
    change = await scene.changed()
    scene.ended(change, P, A, M, C)
    scene.is_on(TARGET)


async def write(scene: Scene) -> None:
    """Lost as the device is written to, and back 40 s later."""
    gate = scene.disk.lose_with_the_write()
    change = await scene.drill()
    await until(lambda: gate.hits)
    async with lost(scene):
        await scene.sleep(60.0)
        assert scene.now(change).state is State.APPLYING, "no step without its record"
    change = await scene.final(change)
    scene.ended(change, P, A, M, C)
    scene.is_on(TARGET)


async def write_with_a_timer(scene: Scene) -> None:
    gate = scene.disk.lose_with_the_write()
    change = await scene.drill()
    await until(lambda: gate.hits)
    async with lost(scene):
        await scene.sleep(60.0)
        scene.is_on(scene.here.primary)
    change = await scene.final(change)
    assert change.state is B, (change, scene.reasons(change))
    assert scene.reasons(change)[-2:] == ["not_applied_in_time", "already_back"], scene.reasons(change)
    scene.is_on(scene.here.primary)


async def monitoring(scene: Scene) -> None:
    change = await scene.monitored()
    async with lost(scene):
        await scene.sleep(60.0)
        assert scene.now(change).state is State.MONITORING
        assert scene.writes == 1
    change = await scene.final(change)
    assert change.state is C, (change, scene.reasons(change))
    scene.is_on(TARGET)


async def rollback(scene: Scene) -> None:
    """Lost as the device is to be written to for the way back."""
    change = await scene.monitored()
    gate = scene.disk.lose_with_the_write()
    await scene.undo(change)
    await until(lambda: gate.hits)
    async with lost(scene):
        await scene.sleep(60.0)
        assert scene.now(change).state is State.ROLLING_BACK
    change = await scene.final(change)
    assert change.state is B, (change, scene.reasons(change))
    scene.is_on(scene.here.primary)


async def off_in_time(scene: Scene, key: RadioKey) -> None:
    """Radar where this radio is, which does not leave by itself."""
    world, here = scene.rig.world, scene.rig.block(key)
    world.set_stubborn(key)
    world.radar(key)
    await until(lambda: not scene.rig.block(key).mhz20 & here.mhz20, limit_s=LAW_S, step_s=0.25)
    assert here.primary_mhz in scene.agent.memory.barred("lab", scene.clock.now())
    await scene.agent.radar.quiet()


def written_down(scene: Scene) -> None:
    assert not scene.agent.ledger.backlog.waiting
    told = {r["reason"]["code"] for r in scene.rig.records() if r["radio"]}
    assert {"radar.heard", "radar.left"} <= told, told


async def radar(scene: Scene) -> None:
    async with lost(scene):
        await off_in_time(scene, AP1)
        assert scene.agent.ledger.backlog.waiting
    written_down(scene)


async def radar_in_monitoring(scene: Scene) -> None:
    """On the channel that a change has just led to."""
    change = await scene.monitored(100)
    async with lost(scene):
        await off_in_time(scene, AP1)
        assert scene.agent.ledger.backlog.waiting
    written_down(scene)
    assert (await scene.final(change)).state is State.SUPERSEDED, scene.reasons(change)


async def radar_in_a_write(scene: Scene) -> None:
    """Where the write was refused as the disk was lost: the change is stuck, and the AP where it was."""
    gate = scene.disk.lose_with_the_write(refused=True)
    change = await scene.drill()
    await until(lambda: gate.hits)
    async with lost(scene):
        await scene.sleep(30.0)
        assert scene.now(change).state is State.APPLYING, scene.now(change)
        await off_in_time(scene, AP1)
        assert scene.agent.ledger.backlog.waiting
    written_down(scene)
    assert (await scene.final(change)).state is State.SUPERSEDED, scene.reasons(change)


async def radar_in_a_rollback(scene: Scene) -> None:
    """Where the way back was refused as the disk was lost."""
    change = await scene.monitored(100)
    gate = scene.disk.lose_with_the_write(refused=True)
    await scene.undo(change)
    await until(lambda: gate.hits)
    async with lost(scene):
        await scene.sleep(1.0)
        await off_in_time(scene, AP1)
        assert scene.agent.ledger.backlog.waiting
    written_down(scene)
    change = await scene.final(change)
    assert change.state in (B, State.SUPERSEDED), (change, scene.reasons(change))


async def radar_elsewhere(scene: Scene) -> None:
    change = await scene.monitored()
    async with lost(scene):
        await off_in_time(scene, AP3)
        assert scene.agent.ledger.backlog.waiting
    written_down(scene)
    assert (await scene.final(change)).state is C


async def restarted(scene: Scene) -> None:
    """Lost while rrmd is down; back when it has observed for a minute."""
    change = await scene.monitored()
    await scene.kill()
    scene.disk.lose()
    await scene.start()
    async with lost(scene):
        await scene.sleep(60.0)
        assert scene.writes == 1
    change = await scene.final(change)
    assert change.state is C, (change, scene.reasons(change))
    scene.is_on(TARGET)


async def damaged(scene: Scene) -> None:
    """While rrmd is down."""
    change = await scene.monitored()
    await scene.kill()
    damage(scene)
    await scene.start()
    await in_doubt(scene, change)


async def damaged_in_use(scene: Scene) -> None:
    change = await scene.monitored()
    damage(scene)
    await in_doubt(scene, change)


async def in_doubt(scene: Scene, change: Change) -> None:
    """The old store is put aside, the sites are observed, radar is seen to, until a person says so."""
    agent = scene.agent
    await until(lambda: agent.memory.doubt and not agent.memory.observing_only, limit_s=BACK_S)
    (said,) = [alert.text for alert in agent.alerts if "made anew" in alert.text]
    assert f"{change.id} on {AP1}, MONITORING, before it" in said, said
    (aside,) = scene.rig.directory.glob("rrmd.sqlite3.corrupt-*[!lm]")
    assert str(aside) in said
    seen_s, writes = scene.reads[-1], scene.writes
    done = await scene.ask(149)
    assert isinstance(done.decision, NoChange), done.decision
    await off_in_time(scene, AP3)
    await scene.sleep(60.0)
    assert scene.reads[-1] > seen_s + 50.0, "it does not observe"
    assert scene.writes == writes
    assert await agent.doubted_store.acknowledge(PERSON)
    scene.strikes()


MEANS: dict[str, Callable[[], Disk]] = {
    "the disk is full": partial(Refusing, errno.ENOSPC),
    "the disk is read-only": partial(Refusing, errno.EROFS),
    "the database is locked": Locked,
}
OBSERVES = "an alert, once; `observing_only` in `rrmd status`, `rrmd_ledger_ok` 0"


def _cases() -> Iterator[Case]:
    for fault, make in MEANS.items():
        yield from _lost(fault, make)
        yield from _lost_and_radar(f"{fault}, and radar", make)
    damages = partial(
        Case,
        operation="store",
        fault="the database is overwritten with noise",
        must="Put aside whole, a new one made. APs are read and radar is seen to as ever; nothing else is "
        "written until a person acknowledges it.",
        seen="an alert that names what was open, with its prior values",
        arrange=impatient,
    )
    yield damages(phase=Phase.MONITORING, story=damaged_in_use)
    yield damages(phase=Phase.RECOVERY, story=damaged, restarts=True)


def _lost(fault: str, make: Callable[[], Disk]) -> Iterator[Case]:
    case = partial(Case, operation="store", fault=fault, seen=OBSERVES, arrange=arranged(make))
    yield case(
        phase=Phase.IDLE,
        must="APs are read as ever, a person who asks for a change is told that it can't be, and nothing is "
        "written. All is as before when the disk is back.",
        story=idle,
    )
    yield case(
        phase=Phase.WRITE,
        must="No step without its record: it waits as it is, and goes on when the disk is back.",
        story=write,
    )
    yield case(
        phase=Phase.WRITE,
        fault=f"{fault}, with the AP's undo timer armed",
        must="Not confirmed without a record: the AP goes back by itself, and is found to have done so.",
        seen="`ROLLED_BACK`; `not_applied_in_time`, `already_back`",
        story=write_with_a_timer,
        undo_timer=True,
    )
    yield case(
        phase=Phase.MONITORING,
        must="The same; it is judged when the disk is back.",
        story=monitoring,
    )
    yield case(
        phase=Phase.ROLLBACK,
        must="The AP has its prior values at once; that is written down when the disk is back.",
        story=rollback,
    )
    yield case(
        phase=Phase.RECOVERY,
        must="It observes, and takes up what is open when the disk is back.",
        story=restarted,
        restarts=True,
    )


def _lost_and_radar(fault: str, make: Callable[[], Disk]) -> Iterator[Case]:
    case = partial(
        Case,
        operation="store",
        fault=fault,
        must="The AP is off the channel within 10 s, whatever was under way. It is written down when the "
        "disk is back.",
        seen="`radar.journalled` in the audit log",
        arrange=arranged(make),
    )
    yield case(phase=Phase.IDLE, story=radar, channel=52)
    yield case(phase=Phase.WRITE, story=radar_in_a_write, channel=100)
    yield case(phase=Phase.MONITORING, story=radar_in_monitoring)
    yield case(phase=Phase.ROLLBACK, story=radar_in_a_rollback)
    yield case(fault=f"{fault} on another AP", phase=Phase.MONITORING, story=radar_elsewhere)


def arranged(make: Callable[[], Disk]) -> Callable[[Scene], None]:
    """Each case has a disk of its own."""
    return lambda scene: make().arrange(scene)


CASES: tuple[Case, ...] = tuple(_cases())
UNAPPLIED: tuple[Unapplied, ...] = ()


def _elsewhere() -> Iterator[Elsewhere]:
    store = partial(Elsewhere, operation="store")
    yield store(
        fault="the disk is lost, and comes back",
        phase=Phase.MONITORING,
        must="Only observed, and said once. Nothing has to be restarted: when the disk is back, the change "
        "is judged.",
        seen="an alert, `observing_only` in `rrmd status`, `rrmd_ledger_ok` 0",
        test="tests/scenario/test_survives.py::"
        "test_a_lost_disk_makes_the_daemon_observe_and_go_on_when_it_is_back",
    )
    yield store(
        fault="radar while the disk is lost",
        phase=Phase.IDLE,
        must="The AP is off the channel within 10 s. What was heard and done goes into the radar journal, "
        "and into store and audit when they are back.",
        seen="`radar.journalled` in the audit log",
        test="tests/scenario/test_journal.py::test_a_radio_is_forced_off_radar_while_the_store_is_lost",
    )
    yield store(
        fault="a real disk is full",
        phase=Phase.WRITE,
        must="At each state of a change: no step without its record, and it is gone on with.",
        seen="an alert, `observing_only` in `rrmd status`",
        test="tests/scenario/test_lost_disk.py::test_a_full_disk",
    )
    yield store(
        fault="the audit log's disk is full, the database is locked",
        phase=Phase.WRITE,
        must="The same.",
        seen="the same",
        test="tests/scenario/test_lost_disk.py::test_it_goes_on_by_itself",
    )
    yield store(
        fault="the disk is lost when rrmd starts",
        phase=Phase.RECOVERY,
        must="It observes, and takes up what is open when the disk is back.",
        seen="the same",
        test="tests/scenario/test_lost_disk.py::test_one_that_is_lost_at_the_start",
    )
    yield store(
        fault="the journal can't be written either",
        phase=Phase.IDLE,
        must="The AP leaves the channel all the same; it is written down later, from memory.",
        seen="an alert",
        test="tests/scenario/test_journal.py::test_a_journal_that_is_lost_too_keeps_no_radio_on_radar",
    )
    yield store(
        fault="the database is damaged, empty or gone",
        phase=Phase.RECOVERY,
        must="Put aside whole, a new one made. Only observed, radar excepted, until a person acknowledges "
        "it; non-occupancy periods and pauses come back from the audit log.",
        seen="an alert that names what was open, with its prior values",
        test="tests/scenario/test_damaged_store.py::test_a_damaged_store_is_put_aside_and_a_person_is_asked",
    )
    yield store(
        fault="the same while rrmd runs",
        phase=Phase.MONITORING,
        must="The same, and no poll is missed.",
        seen="the same",
        test="tests/scenario/test_damaged_store.py::"
        "test_one_that_is_damaged_while_it_is_used_costs_no_observation",
    )
    yield store(
        fault="one of two agents stalls, at each of its steps",
        phase=Phase.WRITE,
        must="The other takes over; one of them writes, or none.",
        seen="`lease.lost`, `change.let_go` in the log of the first",
        test="tests/scenario/test_two_agents.py::test_of_two_agents_one_writes_wherever_the_other_stalls",
    )


ELSEWHERE = tuple(_elsewhere())

"""What is not one device's: clocks, a suspended machine, a flood, a controller, another rrmd."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from unittest import mock

import pytest
from faults.case import Case, Elsewhere, Phase, Unapplied
from faults.scene import AP1, AP4, PERSON, TARGET, Kind, Operation, Scene
from faults.writes import A, B, C, M, P
from rig import Rig
from sqlalchemy import Connection
from sqlalchemy import event as hooks

from agent.api.errors import Refused
from agent.change import Change
from agent.simulation import Wrap
from agent.store.store import Store
from drivers.signals import InterferenceHeard, RadarDetected

HOUR_S, WEEK_S = 3600.0, 8 * 86_400.0


def clock_jumps(seconds: float) -> Case:
    async def story(scene: Scene) -> None:
        change = await scene.monitored()
        left_s = change.deadline.left_s(scene.clock.now())
        scene.strikes()
        scene.clock.jump_utc(seconds)
        assert change.deadline.left_s(scene.clock.now()) == left_s
        change = await scene.final(change)
        scene.ended(change, P, A, M, C)

    ahead = seconds > 0
    return Case(
        operation="clocks",
        fault="the wall clock jumps forward" if ahead else "the wall clock jumps back",
        phase=Phase.MONITORING,
        must="Deadlines, tokens and non-occupancy periods are measured on the machine's boot clock: nothing "
        "ends earlier or later." + ("" if ahead else " The audit goes on in the newest file."),
        seen="the times of the records",
        story=story,
    )


async def jumps_in_a_rollback(scene: Scene) -> None:
    change = await scene.monitored()
    scene.fault(Operation.APPLY, Kind.REFUSED, most=2)
    await scene.undo(change)
    scene.clock.jump_utc(WEEK_S)
    change = await scene.final(change)
    assert (change.state, change.attempts) == (B, 2), change
    scene.is_on(scene.here.primary)


async def machine_reboots(scene: Scene) -> None:
    """The agent's machine is cut in the middle of a change, and comes back two minutes later."""
    change = await scene.monitored()
    await scene.kill()
    await scene.sleep(120.0)
    scene.clock.reboot()
    await scene.start()
    change = await scene.final(change)
    assert change.state is C, (change, scene.reasons(change))
    scene.is_on(TARGET)


async def reboots_with_a_wrong_clock(scene: Scene) -> None:
    """No battery: after the reboot it is 1970, until somebody tells the time."""
    change = await scene.monitored()
    await scene.kill()
    scene.clock.reboot()
    scene.clock.jump_utc(-HOUR_S)
    await scene.start()
    change = await scene.final(change)
    assert change.state in (C, B), (change, scene.reasons(change))


async def suspended(scene: Scene) -> None:
    """A laptop that was closed for an hour: the boot clock went on, the monotonic clock did not."""
    change = await scene.monitored()
    scene.strikes()
    scene.clock.suspend(HOUR_S)
    change = await scene.final(change)
    assert change.state is C, (change, scene.reasons(change))
    assert change.verdict == "UNPROVEN", "nothing was seen of it meanwhile"
    scene.is_on(TARGET)


async def suspended_with_a_timer(scene: Scene) -> None:
    """It was closed before the confirmation: the AP went back by itself."""
    gate = scene.fault(Operation.CONFIRM, Kind.HANG)
    change = await scene.drill()
    await scene.until(lambda: gate.hits)
    scene.clock.suspend(HOUR_S)
    scene.fire_undo()
    scene.trouble.set()
    change = await scene.final(change)
    assert change.state is B, (change, scene.reasons(change))
    scene.is_on(scene.here.primary)


async def flood(scene: Scene) -> None:
    """What one device pushes at once, and radar on another in the middle of it."""
    change = await scene.monitored()
    scene.strikes()
    heard = InterferenceHeard(
        at_s=scene.clock.monotonic(), device="ap1", radio=AP1, duty_ratio=0.1, what="unknown"
    )
    for _ in range(FLOOD):
        await scene.agent.inbox.told("lab", "ap1", heard)
    assert await scene.agent.operator.pause("lab/ap2", 1.0, PERSON), "an operator is answered"
    await scene.agent.operator.resume("lab/ap2", PERSON)
    change = await scene.final(change)
    scene.ended(change, P, A, M, C)
    raised = [r for r in scene.rig.records() if r["reason"]["code"] == "event.raised"]
    assert len(raised) < 10, "one event for one thing, however often it is told"


FLOOD = 5000


async def one_ap_of_a_controller(scene: Scene) -> None:
    """AP 4 has no power; the controller answers for AP 1."""
    scene.rig.world.hardware.kill_ap("lab/ap4")
    scene.strikes()
    await scene.sleep(20.0)
    change = await scene.changed()
    scene.ended(change, P, A, M, C)
    assert not scene.agent.memory.lost, "the controller itself answers"
    reading = scene.agent.memory.radios[AP4].reading
    assert reading is None or scene.clock.monotonic() - reading.at_s > 20.0
    scene.rig.world.hardware.revive_ap("lab/ap4")


async def second_agent(scene: Scene) -> None:
    """Another rrmd over the same store: it only looks, until the lease of the first has run out."""
    other = Rig(directory=scene.rig.directory, site=scene.rig.site, world=scene.rig.world, clock=scene.clock)
    other.holder, other.ids = "other", lambda: next(IDS)
    agent, ledger = other.build()
    running = asyncio.create_task(agent.run(), name="other agent")
    await agent.ready.wait()
    scene.strikes()
    try:
        assert agent.memory.standby
        change = await scene.monitored()
        with pytest.raises(Refused):
            await agent.operator.rollback(scene.agent.changes.token(change), PERSON)
        assert scene.writes == 1
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await ledger.close()
    assert (await scene.final(change)).state is C


IDS = iter(f"00000000-0000-7000-9000-{n:012d}" for n in range(1, 100_000))


async def taken_over(scene: Scene) -> None:
    """The first is gone without a word; the second goes on with its change when the lease has run out."""
    change = await scene.monitored()
    await scene.kill()
    scene.rig.holder = "other"
    await scene.start()
    assert scene.agent.memory.standby
    await scene.until(lambda: not scene.agent.memory.standby, limit_s=200.0)
    change = await scene.final(change)
    assert change.state is C, (change, scene.reasons(change))


async def radar_where_it_was(scene: Scene) -> None:
    """AP 1 left channel 100 for the change; then radar is heard there, and a person takes the change back."""
    change = await scene.monitored()
    scene.strikes()
    heard = RadarDetected(at_s=scene.clock.monotonic(), device="ap1", mhz20=frozenset({5500}), radio=None)
    await scene.agent.inbox.told("lab", "ap1", heard)
    await scene.undo(change)
    change = await scene.final(change)
    assert change.state is B, change
    assert 5500 not in scene.rig.block(AP1).mhz20, "back onto radar"
    assert scene.rig.block(AP1).primary != TARGET


async def synced(scene: Scene) -> None:
    """Each write is asked for after the sync of the record that says that it will be."""
    scene.strikes()
    change = await scene.monitored()
    await scene.undo(change)
    assert (await scene.final(change)).state is B
    levels = {level for name, level in scene.notes if name == "committed"}
    assert levels == {2}, "SQLite's synchronous=FULL"
    names = [name for name, _ in scene.notes]
    assert names.count("write") == 2, names
    for at, name in enumerate(names):
        if name == "write":
            before = names[:at]
            last = max(i for i, each in enumerate(before) if each == "recorded")
            assert "synced" in before[last:], (before[-6:], "written to the device before the sync")


def recorded(scene: Scene) -> None:
    """Notes what the audit log and the store ask of the disk, and when AP 1 is written to."""
    write, sync, wrap = os.write, os.fdatasync, scene.rig.wrap_device

    def written(fd: int, data: bytes) -> int:
        if ".jsonl" in os.readlink(f"/proc/self/fd/{fd}"):
            scene.notes.append(("recorded", fd))
        return write(fd, data)

    def flushed(fd: int) -> None:
        sync(fd)
        scene.notes.append(("synced", fd))

    def device(made: Any) -> Any:
        if made._id != "ap1":
            return wrap(made)
        apply = made.apply

        async def applied(edit: Any, undo_after_s: float | None) -> Any:
            scene.notes.append(("write", edit.change_id))
            return await apply(edit, undo_after_s)

        made.apply = applied
        return wrap(made)

    scene.rig.wrap_device = device
    scene.until_the_end(mock.patch.object(os, "write", written))
    scene.until_the_end(mock.patch.object(os, "fdatasync", flushed))
    scene.rig.wrap_store = committed(scene)


def committed(scene: Scene) -> Wrap:
    """Notes how each step of a change was committed: 2 is SQLite's FULL."""
    keep = scene.rig.wrap_store

    def store(made: Any) -> Store:
        step = made.transition

        def noted(conn: Connection) -> None:
            scene.notes.append(("committed", conn.exec_driver_sql("PRAGMA synchronous").scalar()))

        def stepped(*args: Any, **kwargs: Any) -> Change:
            engine = made._opened()._engine
            hooks.listen(engine, "commit", noted)
            try:
                done: Change = step(*args, **kwargs)
            finally:
                hooks.remove(engine, "commit", noted)
            return done

        made.transition = stepped
        kept: Store = keep(made)
        return kept

    return store


def _cases() -> Iterator[Case]:
    yield clock_jumps(WEEK_S)
    yield clock_jumps(-WEEK_S)
    clocks = partial(Case, operation="clocks")
    yield clocks(
        fault="the wall clock jumps forward",
        phase=Phase.ROLLBACK,
        must="No token expires because of it, and no attempt is lost.",
        seen="`ROLLED_BACK`",
        story=jumps_in_a_rollback,
    )
    yield clocks(
        fault="the agent's machine reboots",
        phase=Phase.RECOVERY,
        must="The boot clock has begun anew, so what is left of deadlines is told by the wall clock. "
        "Non-occupancy periods start again in full. The change is taken up where the device says it stands.",
        seen="`change.found_open` in the log",
        story=machine_reboots,
        restarts=True,
    )
    yield clocks(
        fault="the agent's machine reboots with its clock an hour behind",
        phase=Phase.RECOVERY,
        must="The deadline is an hour further off than meant, and the change still ends by the counters.",
        seen="`change.found_open` in the log; the audit goes on in the newest file",
        story=reboots_with_a_wrong_clock,
        restarts=True,
    )
    yield clocks(
        fault="the agent's machine was suspended for an hour",
        phase=Phase.MONITORING,
        must="The time has passed for the change too. Nothing was seen of it: kept as unproven, if the radio "
        "is on air with its values.",
        seen="`COMMITTED`, verdict `UNPROVEN`",
        story=suspended,
    )
    yield clocks(
        fault="the same, with the AP's undo timer armed",
        phase=Phase.MONITORING,
        must="The AP went back meanwhile, and is found to have done so.",
        seen="`ROLLED_BACK`, reason `device_went_back`",
        story=suspended_with_a_timer,
        undo_timer=True,
        restarts=True,
    )
    rrmd = partial(Case, operation="rrmd")
    yield rrmd(
        fault="power cut just after any write to a device",
        phase=Phase.WRITE,
        must="Store and audit file were told to reach the disk, and did, before the device was asked for "
        "anything: there and back.",
        seen="nothing",
        story=synced,
        arrange=recorded,
    )
    yield rrmd(
        fault="radar on the channel that a rollback would go to",
        phase=Phase.ROLLBACK,
        must="The rollback goes to the best legal channel that is free at once, never to one in its "
        "non-occupancy period.",
        seen="`ROLLED_BACK`; `destination_no_longer_legal`, or where it goes under `to`",
        story=radar_where_it_was,
        channel=100,
    )
    yield rrmd(
        fault="thousands of events at once",
        phase=Phase.MONITORING,
        must="Events are raised by what they are about, not by how often they are told. Operators are "
        "answered, changes and polls go on.",
        seen="one event",
        story=flood,
    )
    yield rrmd(
        fault="one AP of a controller does not answer",
        phase=Phase.IDLE,
        must="The others are read and changed as ever; the controller does not count as lost.",
        seen="the radio's `age` in `rrmd status` rises",
        story=one_ap_of_a_controller,
        controller=True,
    )
    yield rrmd(
        fault="a second rrmd over the same store",
        phase=Phase.MONITORING,
        must="It stands by: it reads devices and writes to none, as long as the first renews its lease of "
        "the site.",
        seen="`lease.held` in the log of the second; its `rrmd status` names the holder",
        story=second_agent,
    )
    yield rrmd(
        fault="the first of two dies",
        phase=Phase.RECOVERY,
        must="When the lease has run out (90 s) the second takes up what the first began.",
        seen="`lease.taken_over`, `change.found_open` in the log of the second",
        story=taken_over,
        restarts=True,
    )


CASES = tuple(_cases())
UNAPPLIED: tuple[Unapplied, ...] = ()
ELSEWHERE: tuple[Elsewhere, ...] = ()

"""`confirm` and `cancel`: the device's own undo timer, its orders with write, ack, confirmation and death."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from faults.case import Case, Elsewhere, Phase, Unapplied
from faults.scene import TARGET, Kind, Operation, Scene
from faults.writes import A, B, C, M, P

from agent.undo_timer import SETTLING_S

DISARMED = (
    "The timer is disarmed, and rrmd does not know it: it waits until the timer must be over. Only then a "
    "verdict counts."
)
GOES_BACK = (
    "The device goes back by itself, and is found to have done so. Until the timer must be over no verdict "
    "but a bad one counts."
)
WENT_BACK = "`ROLLED_BACK`, reason `device_went_back`; in the log `change.confirm_failed`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way in which the confirmation fails. ``done``: the timer is disarmed all the same. ``quiet``: rrmd
    was told that it is."""

    name: str
    kind: Kind
    done: bool = False
    quiet: bool = False
    after_s: float = 0.0


FAULTS = (
    Fault(name="time-out", kind=Kind.TIMEOUT),
    Fault(name="refusal", kind=Kind.REFUSED),
    Fault(name="success reported and not done", kind=Kind.NOT_DONE, quiet=True),
    Fault(name="done and not reported", kind=Kind.TIMEOUT_DONE, done=True),
    Fault(name="done late", kind=Kind.DONE_LATE, after_s=15.0),
    Fault(name="device reboot", kind=Kind.REBOOT),
    Fault(name="garbage answer", kind=Kind.GARBAGE),
    Fault(name="done, garbage answer", kind=Kind.GARBAGE_DONE, done=True),
    Fault(name="disconnect", kind=Kind.DISCONNECT),
    Fault(name="done, disconnect", kind=Kind.DISCONNECT_DONE, done=True),
    Fault(name="hang", kind=Kind.HANG),
    Fault(name="driver bug", kind=Kind.BUG),
)


def unconfirmed(fault: Fault) -> Case:
    """The change was proven, and its confirmation goes wrong."""

    async def story(scene: Scene) -> None:
        gate = scene.fault(Operation.CONFIRM, fault.kind, after_s=fault.after_s)
        change = await scene.changed()
        assert gate.hits == 1
        if fault.done:
            scene.ended(change, P, A, M, C)
            scene.is_on(TARGET)
            assert change.undo_until is not None
            assert change.undo_until.passed(scene.clock.now()), "nothing is proven while it may go back"
            return
        assert change.state is B, change
        assert scene.reasons(change)[-1] in ("device_went_back", "already_back"), scene.reasons(change)
        scene.is_on(scene.here.primary)

    if fault.done:
        must, seen = DISARMED, "`COMMITTED`, later than usual; in the log `change.confirm_failed`"
    else:
        must, seen = GOES_BACK, WENT_BACK
    if fault.quiet:
        must, seen = "The device goes back by itself, and is found to have done so.", WENT_BACK.split(";")[0]
    return Case(
        operation="confirm",
        fault=fault.name,
        phase=Phase.MONITORING,
        must=must,
        seen=seen,
        story=story,
        undo_timer=True,
    )


async def confirmed_in_order(scene: Scene) -> None:
    scene.strikes()
    change = await scene.changed()
    assert change.state is C
    assert [name for name, _ in scene.notes if name != "armed"] == ["apply", "acked on disk", "confirm"]
    assert dict(scene.notes)["acked on disk"]
    assert dict(scene.notes)["armed"] > change.silent_s + SETTLING_S + scene.rig.site.policy.ack_timeout_s


def spied(scene: Scene) -> None:
    """Notes each write, each confirmation, and each ack, in their order."""
    wrap, count = scene.rig.wrap_device, iter(range(10_000))

    def device(made: Any) -> Any:
        if made._id != "ap1":
            return wrap(made)
        apply, confirm = made.apply, made.confirm

        async def applied(edit: Any, undo_after_s: float | None) -> Any:
            scene.notes.extend((("apply", next(count)), ("armed", undo_after_s)))
            return await apply(edit, undo_after_s)

        async def confirmed(receipt: Any) -> None:
            scene.notes.append(("acked on disk", scene.rig.steps(receipt.edit.change_id)[-1] == M))
            scene.notes.append(("confirm", next(count)))
            await confirm(receipt)

        made.apply, made.confirm = applied, confirmed
        return wrap(made)

    scene.rig.wrap_device = device


async def dies_before_the_ack(scene: Scene) -> None:
    gate = scene.fault(Operation.READ_CONFIG, Kind.HANG, when=lambda call: scene.writes > 0, most=None)
    change = await scene.drill()
    await scene.until(lambda: gate.hits)
    await found_gone_back(scene, gate, change)


async def dies_before_the_confirmation(scene: Scene) -> None:
    gate = scene.fault(Operation.CONFIRM, Kind.HANG)
    change = await scene.drill()
    await scene.until(lambda: gate.hits)
    await found_gone_back(scene, gate, change)


async def dies_before_the_answer(scene: Scene) -> None:
    gate = scene.fault(Operation.APPLY, Kind.TIMEOUT_DONE)
    change = await scene.drill()
    await scene.until(lambda: gate.hits)
    await scene.until(lambda: scene.rig.block().primary == TARGET)
    await found_gone_back(scene, gate, change)


async def found_gone_back(scene: Scene, gate: Any, change: Any) -> None:
    """rrmd is dead for longer than the timer; the next one finds what the device did by itself."""
    await scene.kill()
    scene.is_on(TARGET)
    gate.opened = False
    await scene.sleep(120.0)
    scene.is_on(scene.here.primary)
    await scene.start()
    change = await scene.final(change)
    assert change.state is B, change
    assert scene.reasons(change)[-1] in ("device_went_back", "already_back"), scene.reasons(change)
    assert scene.writes == 1


async def dies_and_is_back_in_time(scene: Scene) -> None:
    """It lives again before the timer ends: it proves the change, and still believes nothing until then."""
    gate = scene.fault(Operation.CONFIRM, Kind.HANG)
    change = await scene.drill()
    await scene.until(lambda: gate.hits)
    await scene.kill()
    await scene.start()
    change = await scene.final(change)
    assert (change.state, scene.reasons(change)[-1]) == (B, "device_went_back"), scene.reasons(change)
    scene.is_on(scene.here.primary)


async def dies_after_the_confirmation(scene: Scene) -> None:
    change = await scene.monitored()
    await scene.sleep(1.0)
    await scene.kill()
    await scene.sleep(120.0)
    scene.is_on(TARGET)
    await scene.start()
    assert (await scene.final(change)).state is C


async def fires_early(scene: Scene) -> None:
    """Before the confirmation was asked for, just after the ack."""
    gate = scene.fault(Operation.CONFIRM, Kind.TIMEOUT)
    change = await scene.drill()
    await scene.until(lambda: gate.hits)
    scene.fire_undo()
    change = await scene.final(change)
    scene.ended(change, P, A, M, B, why="device_went_back")


async def fires_before_the_ack(scene: Scene) -> None:
    gate = scene.fault(Operation.READ_CONFIG, Kind.TIMEOUT, when=lambda call: scene.writes > 0)
    change = await scene.drill()
    await scene.until(lambda: gate.hits)
    scene.fire_undo()
    change = await scene.final(change)
    assert (change.state, scene.writes) == (B, 1), change
    scene.is_on(scene.here.primary)


async def fires_late(scene: Scene) -> None:
    """The confirmation is lost, and the device's clock runs slow: it goes back later than it was told to."""
    scene.fault(Operation.CONFIRM, Kind.TIMEOUT)
    change = await scene.monitored()
    handle = scene.hold_undo()
    assert change.undo_until is not None
    await scene.sleep(change.undo_until.left_s(scene.clock.now()) - 1.0)
    scene.is_on(TARGET)
    scene.fire_undo(handle)
    change = await scene.final(change)
    assert (change.state, scene.reasons(change)[-1]) == (B, "device_went_back"), scene.reasons(change)


async def never_fires(scene: Scene) -> None:
    scene.fault(Operation.CONFIRM, Kind.TIMEOUT)
    change = await scene.monitored()
    scene.hold_undo()
    change = await scene.final(change)
    assert change.state is C
    assert change.undo_until is not None
    assert change.undo_until.passed(scene.clock.now())
    scene.is_on(TARGET)


async def armed_for_no_cac(scene: Scene) -> None:
    """36 to 100: the check lasts 60 s, and the timer could end within it."""
    scene.strikes()
    change = await scene.changed(100)
    assert change.state is C, change
    assert [at for name, at in scene.notes if name == "armed"] == [None]
    assert change.undo_until is None


async def armed_for_no_way_back_onto_dfs(scene: Scene) -> None:
    scene.strikes()
    change = await scene.changed()
    assert change.state is C, change
    assert [at for name, at in scene.notes if name == "armed"] == [None]


async def undone_while_armed(scene: Scene) -> None:
    """The confirmation is lost, and a person takes the change back before the timer does."""
    scene.fault(Operation.CONFIRM, Kind.TIMEOUT)
    change = await scene.monitored()
    await scene.undo(change)
    change = await scene.final(change)
    assert change.state is B
    scene.is_on(scene.here.primary)
    await scene.sleep(60.0)
    scene.is_on(scene.here.primary)


def _cases() -> Iterator[Case]:
    yield from map(unconfirmed, FAULTS)
    for fault, phase, story, must, seen in ORDERS:
        yield Case(
            operation="undo timer",
            fault=fault,
            phase=phase,
            must=must,
            seen=seen,
            story=story,
            undo_timer=True,
            restarts=phase is Phase.RECOVERY,
            channel=100 if story is armed_for_no_way_back_onto_dfs else 36,
            arrange=spied,
        )


BACK_BY_ITSELF = "`ROLLED_BACK`, reason `device_went_back`"
ORDERS = (
    (
        "none",
        Phase.WRITE,
        confirmed_in_order,
        "Armed with the write, confirmed after the ack is on disk, and never before. It is armed for longer "
        "than the edit's silence and what settling takes.",
        "`undo_until` in the change",
    ),
    (
        "the edit needs a CAC",
        Phase.WRITE,
        armed_for_no_cac,
        "Not armed: it could end within the check.",
        "no `undo_until`",
    ),
    (
        "the prior channel needs DFS",
        Phase.WRITE,
        armed_for_no_way_back_onto_dfs,
        "Not armed: it could go back onto radar, or into a check.",
        "no `undo_until`",
    ),
    (
        "write, death, timer: the answer was lost",
        Phase.RECOVERY,
        dies_before_the_answer,
        "The device goes back by itself. The next rrmd finds it there, and writes nothing.",
        "`ROLLED_BACK`, reason `already_back`",
    ),
    (
        "write, death, timer: not yet read back",
        Phase.RECOVERY,
        dies_before_the_ack,
        "The device goes back by itself. The next rrmd finds it there, and writes nothing.",
        "`ROLLED_BACK`, reason `already_back`",
    ),
    (
        "write, ack, death, timer",
        Phase.RECOVERY,
        dies_before_the_confirmation,
        "The device goes back by itself. The next rrmd finds that it did.",
        BACK_BY_ITSELF,
    ),
    (
        "write, ack, death, restart, timer",
        Phase.RECOVERY,
        dies_and_is_back_in_time,
        "The next rrmd does not know whether it was confirmed. It monitors, and believes nothing good until "
        "the timer must be over; the device goes back, and is found to have done so.",
        BACK_BY_ITSELF,
    ),
    (
        "write, ack, confirm, death",
        Phase.RECOVERY,
        dies_after_the_confirmation,
        "The change stays; the next rrmd goes on monitoring it.",
        "`COMMITTED`, or what the counters say",
    ),
    (
        "fires early, before the ack",
        Phase.READ_BACK,
        fires_before_the_ack,
        "The read-back never shows the target: taken back, without a second write.",
        "`ROLLED_BACK`, reason `already_back`",
    ),
    (
        "fires early, before the confirmation",
        Phase.MONITORING,
        fires_early,
        "The radio is found back at its prior values.",
        BACK_BY_ITSELF,
    ),
    (
        "fires late",
        Phase.MONITORING,
        fires_late,
        "Up to 10 s later than told: no verdict counts before, and the radio is found back at its prior "
        "values. Still later: likewise as long as the change is being monitored; after the verdict nobody "
        "looks for it.",
        BACK_BY_ITSELF,
    ),
    (
        "never fires",
        Phase.MONITORING,
        never_fires,
        "When the timer must be over the counters decide, as ever.",
        "`COMMITTED`, later than usual",
    ),
    (
        "confirm lost, then taken back by a person",
        Phase.ROLLBACK,
        undone_while_armed,
        "Taken back by a write. The timer, when it fires, goes to where the radio already is.",
        "`ROLLED_BACK`",
    ),
)

NEVER_CANCELLED = (
    "rrmd never calls it. A change is taken back by a write of its own, compared and read back, so that a "
    "lost answer leaves nothing in doubt; a timer that is still armed leads to the same values"
)

CASES = tuple(_cases())
UNAPPLIED = (
    Unapplied(operation="cancel", fault="every fault", why=NEVER_CANCELLED),
    Unapplied(operation="confirm", fault="wrong radio", why="it names what the write's answer named"),
)
ELSEWHERE: tuple[Elsewhere, ...] = ()

"""`open`, `read`, `read_config` and `plan`: an AP that cannot be asked, or whose answers are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from faults.case import Case, Elsewhere, Phase, Unapplied
from faults.scene import AP1, AP4, Kind, Operation, Scene, Setting, State
from faults.writes import A, B, C, M, P

from drivers.simulated.faults import Call

LOST = "`device.lost`, later `device.back` in the log; `rrmd status` shows since when"
PRIOR = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: 5180}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way in which an AP cannot be asked. ``person``: only a person can mend it."""

    name: str
    kind: Kind
    must: str
    person: bool = False
    more: dict[str, Any] = field(default_factory=dict)


TRIED_AGAIN = "The session is tried again, less and less often; nothing else waits for it."
OPENS = (
    Fault(name="time-out", kind=Kind.TIMEOUT, must=TRIED_AGAIN),
    Fault(name="refusal", kind=Kind.REFUSED, must=TRIED_AGAIN),
    Fault(name="device reboot", kind=Kind.REBOOT, must=TRIED_AGAIN),
    Fault(name="garbage answer", kind=Kind.GARBAGE, must=TRIED_AGAIN),
    Fault(name="disconnect", kind=Kind.DISCONNECT, must=TRIED_AGAIN),
    Fault(name="hang", kind=Kind.HANG, must="Ended after 15 s. " + TRIED_AGAIN),
    Fault(name="driver bug", kind=Kind.BUG, must=TRIED_AGAIN + " The daemon goes on."),
    Fault(
        name="wrong radio: another device answers",
        kind=Kind.OTHER_IDENTITY,
        must="Nothing is sent to a device that is not the one known before; a person is told at once. It is "
        "tried again, less and less often, and used again when it is the old one.",
        person=True,
    ),
)
READS = (
    Fault(name="time-out", kind=Kind.TIMEOUT, must=TRIED_AGAIN),
    Fault(name="refusal", kind=Kind.REFUSED, must=TRIED_AGAIN),
    Fault(name="disconnect", kind=Kind.DISCONNECT, must=TRIED_AGAIN),
    Fault(name="hang", kind=Kind.HANG, must="Ended after 15 s, with its session. " + TRIED_AGAIN),
    Fault(name="driver bug", kind=Kind.BUG, must=TRIED_AGAIN + " The daemon goes on."),
)


def not_opened(fault: Fault) -> Case:
    """No session for a while, and no change open; then it is well again."""

    async def story(scene: Scene) -> None:
        scene.fault(Operation.READ, Kind.DISCONNECT)
        await not_there(scene, Operation.OPEN, fault)

    return Case(
        operation="open",
        fault=fault.name,
        phase=Phase.IDLE,
        must=fault.must,
        seen=("an alert; " if fault.person else "") + LOST,
        story=story,
    )


def not_read(fault: Fault) -> Case:
    """No answer to polls for a while, and no change open; then it is well again."""

    async def story(scene: Scene) -> None:
        await not_there(scene, Operation.READ, fault)

    return Case(operation="read", fault=fault.name, phase=Phase.IDLE, must=fault.must, seen=LOST, story=story)


async def not_there(scene: Scene, operation: Operation, fault: Fault) -> None:
    gate = scene.fault(operation, fault.kind, most=None, **fault.more)
    memory = scene.agent.memory
    await scene.until(lambda: "lab/ap1" in memory.lost)
    assert gate.hits >= 1
    assert bool([each for each in scene.alerts if "another device" in each.text]) is fault.person
    await scene.sleep(30.0)
    assert scene.writes == 0, "nothing is written to an AP that is not there"
    gate.opened = False
    await scene.until(lambda: "lab/ap1" not in memory.lost)
    change = await scene.changed()
    assert (change.state, scene.writes) == (C, 1), change


def while_monitored(fault: Fault) -> Case:
    """A change is being monitored, and for half a minute nothing is read."""

    async def story(scene: Scene) -> None:
        change = await scene.monitored()
        gate = scene.fault(Operation.READ, fault.kind, most=None)
        await scene.sleep(25.0)
        assert gate.hits
        gate.opened = False
        change = await scene.final(change)
        scene.ended(change, P, A, M, C)

    return Case(
        operation="read",
        fault=fault.name,
        phase=Phase.MONITORING,
        must="What was not read counts neither for nor against the change; the verdict comes later.",
        seen="the deadline of the change is further off than usual",
        story=story,
    )


def not_read_back(fault: Fault) -> Case:
    """The write was done, and for a while nobody can be asked whether it was."""

    async def story(scene: Scene) -> None:
        gate = scene.fault(
            Operation.READ_CONFIG, fault.kind, most=None, when=lambda call: scene.writes > 0, **fault.more
        )
        change = await scene.drill()
        await scene.until(lambda: gate.hits)
        await scene.sleep(3.0)
        assert scene.now(change).state is A
        gate.opened = False
        change = await scene.final(change)
        scene.ended(change, P, A, M, C)

    return Case(
        operation="read_config",
        fault=fault.name,
        phase=Phase.READ_BACK,
        must="Asked again until the ack's time is over. No answer is no ack.",
        seen="`APPLYING` for longer than usual",
        story=story,
    )


async def never_read_back(scene: Scene) -> None:
    gate = scene.fault(Operation.READ_CONFIG, Kind.REFUSED, most=None, when=lambda call: scene.writes > 0)
    change = await scene.drill()
    await scene.until(lambda: scene.now(change).state is State.ROLLING_BACK)
    gate.opened = False
    change = await scene.final(change)
    assert (change.state, scene.reasons(change)[2]) == (B, "never_read_back"), scene.reasons(change)
    scene.is_on(scene.here.primary)


async def never_to_be_read_again(scene: Scene) -> None:
    gate = scene.fault(Operation.READ_CONFIG, Kind.REFUSED, most=None, when=lambda call: scene.writes > 0)
    change = await scene.final(await scene.drill())
    assert change.state is State.ESCALATED, change
    assert change.id in [alert.change_id for alert in scene.alerts]
    gate.opened = False


async def not_to_be_read_before(scene: Scene) -> None:
    gate = scene.fault(Operation.READ_CONFIG, Kind.TIMEOUT, most=None)
    decided = await scene.ask()
    assert decided.change is None, decided
    assert scene.writes == 0
    gate.opened = False
    assert (await scene.changed()).state is C


async def tells_the_old_values(scene: Scene) -> None:
    """Its answers are from before the write, for longer than an ack is waited for."""
    gate = scene.fault(
        Operation.READ_CONFIG, Kind.WRONG_READBACK, values=PRIOR, most=None, when=lambda c: scene.writes > 0
    )
    change = await scene.changed()
    assert change.state is B, change
    assert "MONITORING" not in scene.rig.steps(change.id)
    gate.opened = False
    memory = scene.agent.memory
    (again,) = await scene.until(lambda: [c for c in memory.changes.values() if c.undo_of == change.id])
    assert (await scene.final(again)).state is C
    scene.is_on(scene.here.primary)


async def tells_another_radio(scene: Scene) -> None:
    gate = scene.fault(
        Operation.READ_CONFIG,
        Kind.WRONG_RADIO,
        radios=frozenset({AP4}),
        most=None,
        when=lambda call: scene.writes > 0,
    )
    change = await scene.changed()
    assert change.state is State.SUPERSEDED, change
    assert scene.writes == 1, "hands off"
    gate.opened = False


async def reading_of_another_radio(scene: Scene) -> None:
    change = await scene.monitored()
    gate = scene.fault(Operation.READ, Kind.WRONG_RADIO, radios=frozenset({AP4}), most=3)
    await scene.until(lambda: gate.hits == 3)
    change = await scene.final(change)
    assert change.state is C, (change, scene.reasons(change))


async def garbage_for_one_radio(scene: Scene) -> None:
    change = await scene.monitored()
    gate = scene.fault(Operation.READ, Kind.GARBAGE, radios=frozenset({AP1}), most=5)
    await scene.until(lambda: gate.hits == 5)
    change = await scene.final(change)
    scene.ended(change, P, A, M, C)


async def reboots_while_monitored(scene: Scene) -> None:
    change = await scene.monitored()
    scene.fault(Operation.READ, Kind.REBOOT)
    change = await scene.final(change)
    assert change.state is B, (change, scene.reasons(change))
    scene.is_on(scene.here.primary)


async def saves_and_reboots(scene: Scene) -> None:
    """After the verdict the AP restarts: what it had not saved is gone, and that is not ours to repeat."""
    change = await scene.changed()
    assert change.state is C
    scene.fault(Operation.READ, Kind.REBOOT)
    await scene.sleep(90.0)
    scene.is_on(scene.here.primary)
    scene.strange.add(AP1)
    assert scene.writes == 1


async def frozen(scene: Scene) -> None:
    """The counters do not move for as long as anybody waits for them."""
    change = await scene.monitored()
    gate = scene.fault(Operation.READ, Kind.FROZEN, most=None)
    change = await scene.final(change)
    gate.opened = False
    assert (change.state, change.verdict) == (C, "UNPROVEN"), change
    assert change.extended


def counters(kind: Kind) -> Any:
    async def story(scene: Scene) -> None:
        change = await scene.monitored()
        scene.fault(Operation.READ, kind)
        change = await scene.final(change)
        scene.ended(change, P, A, M, C)

    return story


def not_a_preview(call: Call) -> bool:
    return call.edit is not None and call.edit.change_id != "preview"


async def plan_refused(scene: Scene) -> None:
    scene.fault(Operation.PLAN, Kind.REFUSED, when=not_a_preview)
    change = await scene.changed()
    scene.ended(change, P, State.FAILED, why="device_cannot")
    assert scene.writes == 0


async def plan_has_a_bug(scene: Scene) -> None:
    scene.fault(Operation.PLAN, Kind.BUG, when=not_a_preview)
    change = await scene.changed()
    scene.ended(change, P, State.FAILED, why="device_cannot")
    assert scene.writes == 0


def _open() -> Iterator[Case]:
    yield from map(not_opened, OPENS)


def _read() -> Iterator[Case]:
    yield from map(not_read, READS)
    yield from map(while_monitored, READS)
    row = partial(Case, operation="read", phase=Phase.MONITORING)
    yield row(
        fault="garbage answer",
        must="Nothing of it is used. The radio has no reading until the next good answer; the verdict waits.",
        seen="the radio's `age` in `rrmd status` rises",
        story=garbage_for_one_radio,
    )
    yield row(
        fault="wrong radio",
        must="A reading that shows another channel than the change's is no proof that somebody moved it: the "
        "settings are read back first. They agree, so the change stays.",
        seen="nothing",
        story=reading_of_another_radio,
        controller=True,
    )
    yield row(
        fault="device reboot",
        must="The AP comes up with what it had saved: the prior values. It is found to have gone back.",
        seen="`ROLLED_BACK`",
        story=reboots_while_monitored,
    )
    yield Case(
        operation="read",
        fault="device reboot",
        phase=Phase.IDLE,
        must="An AP that forgets its settings when it restarts, and has no way to save them, comes up with "
        "its old ones. That is said by the driver's page; a change that is over is not made again.",
        seen="the channel in `rrmd status`",
        story=saves_and_reboots,
    )
    yield row(
        fault="success reported and not done: frozen counters",
        must="Counters that do not move are no data: neither good nor bad. Monitoring is extended once, then "
        "the change is kept as unproven, if the radio is on air.",
        seen="`COMMITTED`, verdict `UNPROVEN`",
        story=frozen,
    )
    yield row(
        fault="counters start again",
        must="The interval in which they did is left out.",
        seen="nothing",
        story=counters(Kind.COUNTER_RESET),
    )
    yield row(
        fault="counters of 32 bits wrap",
        must="The difference is taken over the wrap; nothing is made of it.",
        seen="nothing",
        story=counters(Kind.WRAP_32),
    )


def _read_config() -> Iterator[Case]:
    row = partial(Case, operation="read_config", phase=Phase.READ_BACK)
    yield Case(
        operation="read_config",
        fault="time-out",
        phase=Phase.BEFORE,
        must="Without prior values there is no change: nothing is stored, nothing is sent.",
        seen="`device_not_readable` in the answer to `rrmd inject`, and in the audit",
        story=not_to_be_read_before,
    )
    yield from map(not_read_back, READS)
    yield not_read_back(Fault(name="garbage answer", kind=Kind.GARBAGE, must=""))
    yield row(
        fault="refusal for longer than the ack's time",
        must="A change that was never read back is taken back.",
        seen="`ROLLED_BACK`, reason `never_read_back`",
        story=never_read_back,
    )
    yield row(
        fault="refusal for good",
        must="Nothing is written to a radio of which nobody knows what it has. After `rollback_attempts` a "
        "person must act.",
        seen="`ESCALATED`; an alert until it is acknowledged",
        story=never_to_be_read_again,
    )
    yield row(
        fault="success reported and not done: the answer is of before the write",
        must="No ack, so the change is taken back. When a later poll shows its target in force, a new change "
        "goes back to the prior values.",
        seen="`ROLLED_BACK`, then a change with `undo_of` and the reason `landed_late`",
        story=tells_the_old_values,
    )
    yield row(
        fault="wrong radio",
        must="Values that are neither the change's nor the prior ones are somebody else's: hands off.",
        seen="`SUPERSEDED`, reason `changed_by_someone_else`",
        story=tells_another_radio,
        controller=True,
    )


def _plan() -> Iterator[Case]:
    yield Case(
        operation="plan",
        fault="refusal",
        phase=Phase.BEFORE,
        must="The change ends before anything is sent.",
        seen="`FAILED`, reason `device_cannot`",
        story=plan_refused,
    )
    yield Case(
        operation="plan",
        fault="driver bug",
        phase=Phase.BEFORE,
        must="The change ends before anything is sent. The daemon goes on.",
        seen="`FAILED`, reason `device_cannot`; `driver.failed` with the traceback in the log",
        story=plan_has_a_bug,
    )


CASES = (*_open(), *_read(), *_read_config(), *_plan())
SENDS_NOTHING = "it is computed here; nothing is sent, and nothing is waited for"
UNAPPLIED = (
    Unapplied(operation="open", fault="success reported and not done", why="the next call finds no session"),
    Unapplied(operation="open", fault="done and not reported, done late", why="an open changes no radio"),
    Unapplied(operation="read", fault="done and not reported", why="a read changes nothing"),
    Unapplied(operation="read", fault="done late", why="an answer that is late is dropped with its session"),
    Unapplied(operation="read_config", fault="done and not reported, done late", why="it changes nothing"),
    Unapplied(operation="plan", fault="every other fault", why=SENDS_NOTHING),
)
ELSEWHERE: tuple[Elsewhere, ...] = ()

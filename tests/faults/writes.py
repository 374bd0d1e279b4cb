"""`apply`: what goes wrong with a write, going there and coming back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from faults.case import Case, Elsewhere, Phase, Unapplied
from faults.scene import AP4, TARGET, Kind, Operation, Scene, Setting, State

P, A, M = State.PLANNED, State.APPLYING, State.MONITORING
R, B, C = State.ROLLING_BACK, State.ROLLED_BACK, State.COMMITTED
DOUBT = "in the log `change.write_in_doubt`"
ELSEWHERE_153 = {Setting.CHANNEL: 153, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: 5765}
LATE_S = 60.0
"""When a late write would land: after the rollback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way in which a write fails. ``done``: it was, all the same. ``more``: of the scripted fault."""

    name: str
    kind: Kind
    done: bool = False
    more: dict[str, Any] | None = None
    controller: bool = False


FAULTS = (
    Fault(name="time-out", kind=Kind.TIMEOUT),
    Fault(name="success reported and not done", kind=Kind.NOT_DONE),
    Fault(name="done and not reported", kind=Kind.TIMEOUT_DONE, done=True),
    Fault(name="done late", kind=Kind.DONE_LATE, more={"after_s": LATE_S}),
    Fault(name="wrong radio", kind=Kind.WRONG_RADIO, more={"radios": frozenset({AP4})}, controller=True),
    Fault(name="device reboot", kind=Kind.REBOOT),
    Fault(name="garbage answer", kind=Kind.GARBAGE),
    Fault(name="done, garbage answer", kind=Kind.GARBAGE_DONE, done=True),
    Fault(name="disconnect", kind=Kind.DISCONNECT),
    Fault(name="done, disconnect", kind=Kind.DISCONNECT_DONE, done=True),
    Fault(name="hang", kind=Kind.HANG),
    Fault(name="driver bug", kind=Kind.BUG),
)

PROVEN_ALL_THE_SAME = "The read-back shows the target: that is the ack, whatever became of the answer."
NOT_THERE: dict[str, str] = {
    "time-out": "The session is closed, then the device is read back, until the ack's time is over. It has "
    "the prior values: the change is taken back, without a second write.",
    "success reported and not done": "The device's word is no ack. The read-back never shows the target: the "
    "change is not monitored, and is taken back.",
    "done late": "The session is closed before anything is read back, so that the late write has nowhere to "
    "land. The change is taken back, and the radio stays where it was.",
    "wrong radio": "The read-back of the radio that was meant shows its prior values: the change is taken "
    "back. The other radio has been moved by its controller; that is in no change of ours, and nothing is "
    "written to it.",
    "device reboot": "The device comes up with its startup configuration. It is waited for as long as an ack "
    "may take, and then found back at the prior values.",
    "garbage answer": "An answer that makes no sense is neither a yes nor a no: the device is read back. It "
    "has the prior values, and the change is taken back.",
    "disconnect": "A new session reads the device back. It has the prior values: the change is taken back.",
    "hang": "The call is ended after `apply_timeout_s`, with its session, before anything is read back. The "
    "change is taken back.",
    "driver bug": "What a driver raises against its contract counts as a write in doubt: the session is "
    "closed, the device is read back, the change is taken back. The daemon goes on.",
}


def going(fault: Fault) -> Case:
    """The write of the change itself."""

    async def story(scene: Scene) -> None:
        gate = scene.fault(Operation.APPLY, fault.kind, **fault.more or {})
        if fault.controller:
            scene.strange.add(AP4)
        change = await scene.changed()
        assert gate.hits == 1
        if fault.done:
            scene.ended(change, P, A, M, C)
            scene.is_on(TARGET)
            return
        assert change.state is B, change
        assert "MONITORING" not in scene.rig.steps(change.id), "that was no ack"
        scene.is_on(scene.here.primary)
        assert scene.writes == 1, "written once, never repeated"

    return Case(
        operation="apply",
        fault=fault.name,
        phase=Phase.WRITE,
        must=PROVEN_ALL_THE_SAME if fault.done else NOT_THERE[fault.name],
        seen=f"as if nothing had been; {DOUBT}"
        if fault.done
        else "`ROLLED_BACK`, reasons `not_applied_in_time`, `already_back`"
        + ("" if fault.kind in (Kind.NOT_DONE, Kind.WRONG_RADIO) else f"; {DOUBT}"),
        story=story,
        controller=fault.controller,
    )


def coming_back(fault: Fault) -> Case:
    """The write of the rollback: a person takes back a change that is being monitored."""

    async def story(scene: Scene) -> None:
        change = await scene.monitored()
        if fault.controller:
            scene.strange.add(AP4)
        gate = scene.fault(Operation.APPLY, fault.kind, **fault.more or {})
        await scene.undo(change)
        change = await scene.final(change)
        assert (gate.hits, change.state) == (1, B), change
        assert bool(change.attempts) is not fault.done, change.attempts
        scene.is_on(scene.here.primary)

    return Case(
        operation="apply",
        fault=fault.name,
        phase=Phase.ROLLBACK,
        must="The read-back shows the prior values: it is back."
        if fault.done
        else "The read-back does not show the prior values: the attempt has failed. There is another after "
        "`rollback_backoff_s`, from what the device has then.",
        seen="`ROLLED_BACK`"
        + ("" if fault.done else ", after a step with `undo_failed`; in the log `change.undo_in_doubt`"),
        story=story,
        controller=fault.controller,
    )


def recovered(fault: Fault) -> Case:
    """rrmd is killed while the write is under way."""

    async def story(scene: Scene) -> None:
        gate = scene.fault(Operation.APPLY, fault.kind, **fault.more or {})
        change = await scene.drill()
        await scene.until(lambda: gate.hits)
        await scene.kill()
        await scene.start()
        change = await scene.final(change)
        assert scene.writes == 1, "nothing of an earlier process is written again"
        assert change.state is (C if fault.done else State.FAILED), change
        scene.is_on(TARGET if fault.done else scene.here.primary)

    return Case(
        operation="apply",
        fault=fault.name,
        phase=Phase.RECOVERY,
        must="rrmd is killed while it waits for the answer. The next one writes nothing again; "
        + (
            "it finds the target in force, and monitors it."
            if fault.done
            else "it finds the prior values in force when the edit's own silence is over: not applied."
        ),
        seen="`change.found_open` in the log; "
        + ("`COMMITTED`, or what the counters say" if fault.done else "`FAILED`, reason `not_applied`"),
        story=story,
        restarts=True,
    )


async def refused(scene: Scene) -> None:
    scene.fault(Operation.APPLY, Kind.REFUSED)
    change = await scene.changed()
    scene.ended(change, P, A, State.FAILED, why="device_refused")
    scene.is_on(scene.here.primary)


async def refused_back(scene: Scene) -> None:
    change = await scene.monitored()
    scene.fault(Operation.APPLY, Kind.REFUSED)
    await scene.undo(change)
    change = await scene.final(change)
    assert (change.state, change.attempts) == (B, 1)


async def refused_for_good(scene: Scene) -> None:
    change = await scene.monitored()
    gate = scene.fault(Operation.APPLY, Kind.REFUSED, most=None)
    await scene.undo(change)
    change = await scene.final(change)
    assert (change.state, gate.hits) == (State.ESCALATED, scene.rig.site.policy.rollback_attempts)
    assert change.id in scene.agent.memory.stuck, "the radio stays locked until a person acts"
    assert change.id in [alert.change_id for alert in scene.alerts]
    scene.is_on(TARGET)


async def set_to_something_else(scene: Scene) -> None:
    scene.fault(Operation.APPLY, Kind.DONE_WRONG, values=ELSEWHERE_153)
    change = await scene.changed()
    scene.ended(change, P, A, State.SUPERSEDED)
    scene.is_on(153)


async def late_all_the_same(scene: Scene) -> None:
    scene.fault(Operation.APPLY, Kind.DONE_LATE_ALL_THE_SAME, after_s=LATE_S)
    change = await scene.changed()
    assert change.state is B, change
    scene.is_on(scene.here.primary)
    memory = scene.agent.memory
    (again,) = await scene.until(lambda: [c for c in memory.changes.values() if c.undo_of == change.id])
    assert scene.reasons(again)[0] == "landed_late"
    assert (await scene.final(again)).state is C, again
    scene.is_on(scene.here.primary)


def _cases() -> Iterator[Case]:
    yield Case(
        operation="apply",
        fault="refusal",
        phase=Phase.WRITE,
        must="Believed when the read-back says the same: the change ends there, with the device's own words.",
        seen="`FAILED`, reason `device_refused`, the words under `device_said`",
        story=refused,
    )
    yield from map(going, FAULTS)
    yield Case(
        operation="apply",
        fault="done late, though the session was closed",
        phase=Phase.WRITE,
        must="A datagram (SNMP) can be under way when its socket is closed. The change is taken back as "
        "after a time-out. When a later poll shows its target in force all the same, a new change goes "
        "back to the prior values (in mode `advise` it waits for a person). An undo and a flight from "
        "radar stay where they landed, if that is lawful.",
        seen="`ROLLED_BACK`, then a change with `undo_of` and the reason `landed_late`; "
        "in the log `change.landed_late`",
        story=late_all_the_same,
    )
    yield Case(
        operation="apply",
        fault="something else was set",
        phase=Phase.WRITE,
        must="Values that are neither the change's nor the prior ones are somebody else's: hands off.",
        seen="`SUPERSEDED`, reason `changed_by_someone_else`, what the radio has under `have`",
        story=set_to_something_else,
    )
    yield Case(
        operation="apply",
        fault="refusal",
        phase=Phase.ROLLBACK,
        must="Nothing was done, so there is no ack to wait for: the next attempt comes after "
        "`rollback_backoff_s`.",
        seen="`ROLLED_BACK`, after a step with the reason `device_refused`",
        story=refused_back,
    )
    yield Case(
        operation="apply",
        fault="refusal for good",
        phase=Phase.ROLLBACK,
        must="After `rollback_attempts` a person must act. The radio stays locked for other changes, radar "
        "excepted.",
        seen="`ESCALATED`; an alert until it is acknowledged",
        story=refused_for_good,
    )
    yield from map(coming_back, FAULTS)
    yield from map(recovered, (fault for fault in FAULTS if fault.kind in IN_DOUBT))


IN_DOUBT = frozenset({Kind.TIMEOUT, Kind.TIMEOUT_DONE, Kind.HANG, Kind.DONE_LATE})
"""Those that leave rrmd waiting, so that it can die meanwhile."""

CASES = tuple(_cases())
UNAPPLIED: tuple[Unapplied, ...] = ()
LATE = "tests/integration/test_late_writes.py"
ELSEWHERE = (
    Elsewhere(
        operation="apply",
        fault="bytes held up on the way until after the rollback, over SSH (hostapd, OpenWrt)",
        phase=Phase.WRITE,
        must="The session is closed and its thread has ended before anything is read back. What comes "
        "through later does nothing.",
        seen="`ROLLED_BACK`",
        test=f"{LATE}::test_a_write_that_was_given_up_is_not_in_force_at_the_end",
    ),
    Elsewhere(
        operation="apply",
        fault="bytes held up on the way until after the rollback, over HTTP (OpenWrt) or NETCONF",
        phase=Phase.WRITE,
        must="Something between rrmd and the AP that keeps the bytes and passes them on later makes them "
        "take effect: rrmd cannot call them back. The next poll shows it, and a new change goes back.",
        seen="`ROLLED_BACK`, then a change with `undo_of` and the reason `landed_late`",
        test=f"{LATE}::test_what_lands_late_over_http_is_taken_back_by_the_agent",
    ),
    Elsewhere(
        operation="apply",
        fault="rrmd killed between apply and confirmation, live on netconfd",
        phase=Phase.RECOVERY,
        must="The confirmed commit goes back by itself; the next rrmd finds the change in force first, and "
        "then that the device took it back.",
        seen="`ROLLED_BACK`, reason `device_went_back`",
        test="tests/integration/test_netconf_agent.py::"
        "test_killed_before_the_confirmation_the_ap_goes_back_and_the_next_agent_says_so",
    ),
    Elsewhere(
        operation="apply",
        fault="rrmd killed between apply and confirmation, live on an OpenWrt peer",
        phase=Phase.RECOVERY,
        must="`uci apply` goes back by itself, and the next rrmd finds that it did.",
        seen="`ROLLED_BACK`",
        test="tests/integration/test_openwrt_agent.py::"
        "test_killed_between_apply_and_confirmation_the_ap_goes_back_and_the_agent_sees_it",
    ),
)

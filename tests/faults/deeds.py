"""`act` and `signals`: what is done once and has no undo, and what a device pushes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from faults.case import Case, Elsewhere, Phase, Unapplied
from faults.scene import AP1, AP4, Kind, Operation, Scene

from agent.answers import IN_DOUBT
from inventory.model import RadioKey

ONCE = "It is not done again: the next restart of the radio is `restart_interval_s` (1 h) later."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way in which a restart goes wrong. ``done``: the radio was restarted. ``said``: the audit's last
    word. ``doubt``: nobody knows whether it was done, and a person is told."""

    name: str
    kind: Kind
    said: str = "failed"
    done: bool = False
    doubt: bool = True
    after_s: float = 0.0


FAULTS = (
    Fault(name="time-out", kind=Kind.TIMEOUT),
    Fault(name="refusal", kind=Kind.REFUSED, doubt=False),
    Fault(name="success reported and not done", kind=Kind.NOT_DONE, said="done", doubt=False),
    Fault(name="done and not reported", kind=Kind.TIMEOUT_DONE, done=True),
    Fault(name="done late", kind=Kind.DONE_LATE, after_s=30.0),
    Fault(name="device reboot", kind=Kind.REBOOT, done=True),
    Fault(name="garbage answer", kind=Kind.GARBAGE),
    Fault(name="done, garbage answer", kind=Kind.GARBAGE_DONE, done=True),
    Fault(name="disconnect", kind=Kind.DISCONNECT),
    Fault(name="hang", kind=Kind.HANG),
    Fault(name="driver bug", kind=Kind.BUG),
)


def restarted(fault: Fault) -> Case:
    """A radio whose transmit queue is stuck is restarted, once."""

    async def story(scene: Scene) -> None:
        gate = scene.fault(Operation.ACT, fault.kind, most=None, after_s=fault.after_s)
        scene.rig.world.hardware.stick(AP1)
        await scene.until(lambda: gate.hits)
        await scene.sleep(180.0)
        assert gate.hits == 1, "not repeated"
        told = [r["result"] for r in scene.rig.records() if r["reason"]["code"] == "restart_radio"]
        assert told == ["doing", fault.said], told
        assert scene.rig.world.radio(AP1).stuck is not fault.done
        in_doubt = [alert for alert in scene.alerts if alert.text == IN_DOUBT]
        assert bool(in_doubt) is fault.doubt, scene.alerts
        gate.opened = False
        scene.rig.world.hardware.unstick(AP1)

    doubt = "Nobody knows whether it was done, and a person is told so. " if fault.doubt else ""
    return Case(
        operation="act",
        fault=fault.name,
        phase=Phase.IDLE,
        must=doubt + ONCE,
        seen=f"`restart_radio` with the results `doing` and `{fault.said}` in the audit"
        + ("; an alert" if fault.doubt else ""),
        story=story,
    )


async def act_on_another_radio(scene: Scene) -> None:
    gate = scene.fault(Operation.ACT, Kind.WRONG_RADIO, most=None, radios=frozenset({AP4}))
    scene.rig.world.hardware.stick(AP1)
    await scene.until(lambda: gate.hits)
    await scene.sleep(180.0)
    assert gate.hits == 1
    assert scene.rig.world.radio(AP1).stuck
    assert scene.rig.world.radio(AP4).on_air
    gate.opened = False
    scene.rig.world.hardware.unstick(AP1)


# -- signals -----------------------------------------------------------------------------------------------


def radar_all_the_same(kind: Kind) -> Case:
    """AP 1 hears radar on channel 100, and its stream does not say so."""

    async def story(scene: Scene) -> None:
        scene.fault(Operation.SIGNALS, kind, most=None, radios=frozenset({RadioKey("lab/ap1/other")}))
        scene.rig.world.radar(AP1)
        await barred(scene, 5500)

    names = {
        Kind.HANG: "hang: the stream is open and silent",
        Kind.DISCONNECT: "disconnect",
        Kind.GARBAGE: "garbage answer",
        Kind.REFUSED: "refusal",
        Kind.BUG: "driver bug",
        Kind.WRONG_RADIO: "wrong radio: one that nobody knows",
    }
    musts = {
        Kind.HANG: "The next poll shows the channel in the AP's own radar table: it is barred for the site, "
        "on disk, and the radio is seen to have left.",
        Kind.WRONG_RADIO: "A report about a radio that is not in the site file bars nothing, but the device "
        "is read at once: its own table shows the channel.",
    }
    begins = (
        "The stream is begun again after 1 s and then less often, and the device is read at once: radar is "
    )
    begins += "found in its own table."
    return Case(
        operation="signals",
        fault=names[kind],
        phase=Phase.IDLE,
        must=musts.get(kind, begins),
        seen="`radar.heard` with the source `poll` in log and audit",
        story=story,
        channel=100,
    )


async def barred(scene: Scene, mhz: int) -> None:
    """Within two polls, in memory and on disk, and the radio is elsewhere."""
    limit_s = 2 * scene.rig.site.policy.poll_s + 2.0
    memory = scene.agent.memory
    await scene.until(lambda: mhz in memory.barred("lab", scene.clock.now()), limit_s=limit_s)
    store = scene.judge.known[1]
    await scene.until(lambda: mhz in {nop.mhz20 for nop in store.nops(scene.clock.now())}, limit_s=5.0)
    await scene.until(lambda: mhz not in scene.rig.block(AP1).mhz20, limit_s=10.0)


async def reboot_told(scene: Scene) -> None:
    """The AP restarts in the middle of a change's monitoring, and its stream ends with it."""
    change = await scene.monitored()
    scene.strikes()
    scene.rig.world.reboot("lab/ap1")
    change = await scene.final(change)
    assert str(change.state) == "ROLLED_BACK", change
    scene.is_on(scene.here.primary)


def _cases() -> Iterator[Case]:
    yield from map(restarted, FAULTS)
    yield Case(
        operation="act",
        fault="wrong radio",
        phase=Phase.IDLE,
        must="The radio that was meant is as stuck as before: the event stays open, and a person is told of "
        "it. " + ONCE,
        seen="`restart_radio` with the results `doing` and `done`; the event in `rrmd events`",
        story=act_on_another_radio,
        controller=True,
    )
    yield from map(
        radar_all_the_same,
        (Kind.HANG, Kind.DISCONNECT, Kind.REFUSED, Kind.GARBAGE, Kind.BUG, Kind.WRONG_RADIO),
    )
    yield Case(
        operation="signals",
        fault="device reboot",
        phase=Phase.MONITORING,
        must="The stream ends with the session and is begun again. The AP comes up with the prior values, "
        "and the change is found taken back.",
        seen="`ROLLED_BACK`",
        story=reboot_told,
    )


CASES = tuple(_cases())
PUSHED = "nothing is asked, so nothing is waited for"
UNAPPLIED = (
    Unapplied(operation="signals", fault="time-out", why=PUSHED),
    Unapplied(
        operation="signals",
        fault="success reported and not done, done and not reported, done late",
        why="a signal does nothing; what was missed while the stream was away is polled for",
    ),
)
ELSEWHERE: tuple[Elsewhere, ...] = ()

"""What `/metrics` says of a running agent: every family, with the labels that it promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rig import final, rig_of, site_of, until

from agent.agent import Agent
from agent.alerts.sinks import AlertSinks
from agent.change import Actor
from agent.clock import Clock
from agent.events import EventKind
from agent.metrics.families import FAMILIES
from agent.metrics.gather import Sources, gather
from agent.metrics.loop_lag import LoopLag
from agent.planner.decision import NoChange
from agent.planner.legal import Veto
from agent.reloads import Reloaded
from agent.simulated_time import run
from drivers.simulated.faults import Fault, FaultPlan, Kind, Operation, Scripted
from drivers.transport.traps_queue import Outcome

PERSON = Actor(type="operator", uid=1000, name="ann")
ELSEWHERE = {"rrmd_loop_answering"}  # the collector's own
ONLY_THEN = {"rrmd_alerts_total", "rrmd_alerts_dropped_total", "rrmd_events_open", "rrmd_failures_total"}
ONLY_THEN |= {f"rrmd_{what}_total" for what in ("events_dropped", "event_queue_dropped", "polls_thinned")}
ONLY_THEN |= {"rrmd_plan_moves_total"}
ONLY_THEN |= {f"rrmd_signals_{what}_total" for what in ("dropped", "strange")}  # nothing of it happened
Found = dict[str, dict[tuple[str, ...], float]]


async def measured(agent: Agent) -> Found:
    sinks = AlertSinks([], agent.clock.monotonic)
    sources = Sources(
        agent=agent,
        lag=LoopLag(),
        sinks=sinks,
        reloaded=lambda: Reloaded(5.0),
        started_s=4.0,
        traps={Outcome.TAKEN: 2},
    )
    found = await gather(sources)
    for name, samples in found.items():
        assert all(len(labels) == len(FAMILIES[name].labels) for labels, _ in samples), name
    return {name: dict(samples) for name, samples in found.items()}


def test_every_family_is_there_after_a_change_and_a_veto(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock, site_of(aps=2)) as rig, rig.agent() as agent:
            radio = agent.memory.radios[rig.key]
            await until(lambda: (last := radio.history.last) and last.at_s >= 400)
            kind = EventKind.NON_WIFI_BURST
            done = await agent.operator.inject(
                kind, rig.key, channel=161, width_mhz=None, act=True, actor=PERSON
            )
            assert done.change is not None
            during = await measured(agent)
            assert during["rrmd_changes_open"] == {("lab",): 1}
            change = await final(agent, done.change)
            await agent.operator.pause("lab/ap2", 3600.0, PERSON)
            await agent.operator.pause("lab/ap1", 1.0, PERSON)
            await asyncio.sleep(2)
            agent.incidents.raised["lab", "SECURITY"] += 2
            agent.incidents.lookout.failed["SECURITY"] += 1
            veto = Veto(guard="cooldown", reason="too_soon")
            await agent.changes.note(NoChange(radio=rig.key, reason="vetoed", vetoes=(veto,)))
            agent.memory.leaving = frozenset({rig.key})  # by a reload, which is no operator's pause
            found = await measured(agent)
        assert found.keys() == FAMILIES.keys() - ELSEWHERE - ONLY_THEN
        assert found["rrmd_vetoes_total"] == {("lab", "cooldown"): 1}
        assert found["rrmd_changes_open"] == {("lab",): 0}
        assert found["rrmd_plan_moves_left"] == {("lab",): 0}
        causes = ("lab", str(change.state), str(change.cause), change.verdict or "")
        assert found["rrmd_changes_total"][causes] == 1
        assert found["rrmd_radio_channel"]["lab", "ap1", "r5"] == 161
        assert found["rrmd_radio_state"]["lab", "ap1", "r5", "on_air"] == 1
        assert found["rrmd_polls_total"]["lab", "ap1", "ok"] >= 40
        assert found["rrmd_audit_seq"][()] == len(rig.records()) - 1  # all but the stop's own
        assert found["rrmd_pauses"] == {("lab",): 1}
        assert found["rrmd_events_total"] == {("lab", "SECURITY"): 2}
        assert found["rrmd_detector_failures_total"] == {("SECURITY",): 1}
        assert found["rrmd_ledger_ok"] == {(): 1}

    run(story)


def test_a_lost_device_shows(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        dead = FaultPlan((Scripted(Operation.READ, None, Fault(Kind.TIMEOUT)),))
        async with rig_of(tmp_path, clock, site_of(aps=1), faults=dead) as rig, rig.agent() as agent:
            await until(lambda: agent.memory.lost)
            found = await measured(agent)
        assert found["rrmd_devices_lost"] == {("lab",): 1}
        assert found["rrmd_polls_total"]["lab", "ap1", "timeout"] == 3
        assert found["rrmd_radio_state"] == {("lab", "ap1", "r5", "unknown"): 1}
        assert "rrmd_radio_channel" not in found

    run(story)

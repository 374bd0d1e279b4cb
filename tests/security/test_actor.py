"""Who gave an order stands in the audit log: user id and name, as the kernel told them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig import FAST, Rig, final, replace, rig_of, site_of
from scenario.test_one_change import warm

from agent.agent import Agent
from agent.api import protocol
from agent.change import Actor, Cause, Change, State
from agent.clock import Clock
from agent.operations import Operations
from agent.planner.decision import Move
from agent.simulated_time import run
from agent.view import values_of
from inventory.channels import block
from inventory.model import Band, Mode, RadioKey

ANN = Actor(type="operator", uid=4711, name="ann")
AP1 = "lab/ap1/r5"


def ordered(rig: Rig) -> list[str]:
    """What of the audit log is by ann."""
    mine = [record for record in rig.records() if record["actor"]["uid"] == ANN.uid]
    assert {(record["actor"]["type"], record["actor"]["name"]) for record in mine} <= {("operator", "ann")}
    return [record["to_state"] or record["reason"]["code"] for record in mine]


def asked(rig: Rig, agent: Agent) -> Any:
    def no_probe(*_: object) -> Any:
        raise AssertionError

    operations = Operations(agent, rig.url, rig.settings.audit_dir, no_probe)

    async def ask(op: str, **args: Any) -> Mapping[str, Any]:
        return await operations.handle(op, protocol.ARGS[op].model_validate(args), ANN)

    return ask


def test_every_order_is_recorded_with_who_gave_it(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        async with rig_of(tmp_path, clock) as rig, rig.agent() as agent:
            ask = asked(rig, agent)
            await warm(rig, agent)
            await ask("pause", scope="lab/ap2", for_s=60.0)
            await ask("resume", scope="lab/ap2")
            assert ordered(rig) == ["pause.begun", "pause.ended"]
            done = await ask("inject", kind="NON_WIFI_BURST", radio=AP1, channel=161, act=True)
            change = agent.memory.changes[done["change"]["id"]]
            await agent.executor.settled(change.id, State.MONITORING)
            await ask("rollback", token=agent.changes.token(change))
            await final(agent, change)
            assert {"PLANNED", "ROLLING_BACK"} <= set(ordered(rig))
        rig.verify()

    run(story)


def test_what_was_proposed_is_approved_or_rejected_by_somebody(tmp_path: Path) -> None:
    async def story(clock: Clock) -> None:
        site = site_of(4, policy=replace(FAST, mode=Mode.ADVISE), widths=(20,))
        async with rig_of(tmp_path, clock, site) as rig, rig.agent() as agent:
            ask = asked(rig, agent)
            await warm(rig, agent)
            proposed = [await _proposed(agent, key) for key in (AP1, "lab/ap3/r5")]
            await ask("reject", id=proposed[0], why="exams")
            assert ordered(rig)[-1] in ("EXPIRED", "rejected")
            await ask("approve", id=proposed[1])
            assert ordered(rig)[-1] != "EXPIRED"
            assert len(ordered(rig)) >= 2

    run(story)


async def _proposed(agent: Agent, key: str) -> str:
    where = values_of(block(Band.GHZ_5, 161, 20))
    move = Move(radio=RadioKey(key), target=where, cause=Cause.OPERATOR, reason="told_by_the_test")
    found = await agent.changes.open(move)
    assert isinstance(found, Change), found
    return found.id

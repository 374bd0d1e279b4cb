"""An operator is in charge: proposals approved or rejected, pauses at any moment, the way back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, final, renamed, rig_of, site_of, until
from scenario.test_survives import escalating
from stories import AP1, AP2, SHORT, changes_for, event_of, interferes, policy_of, said, stage

from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import BadArgs, NotFound, Refused
from agent.change import REJECTED, Actor, Cause, Change, State, Trigger
from agent.course import Interrupt
from agent.events import EventKind
from agent.operations import Operations
from agent.planner.channel import rank
from agent.planner.decision import Move
from agent.planner.pooling import pooled
from agent.planner.site.snapshot_view import to_view
from agent.simulated_time import SimulatedClock, run
from agent.store.errors import RadioBusy
from agent.view import block_of, values_of
from inventory.channels import Block, block
from inventory.model import Band, Mode, RadioKey
from inventory.windows import window

PERSON = Actor(type="operator", uid=1000, name="ann")
BURST = EventKind.NON_WIFI_BURST
SITE = site_of(3, policy=SHORT, widths=(20,))
ADVISE = site_of(4, policy=policy_of(Mode.ADVISE), widths=(20,))


def asked_of(agent: Agent, rig: Rig) -> Operations:
    def no_probe(*_: object) -> Any:
        raise AssertionError

    return Operations(agent, rig.url, rig.settings.audit_dir, no_probe)


def move(channel: int, key: RadioKey = AP1, cause: Cause = Cause.OPERATOR) -> Move:
    where = values_of(block(Band.GHZ_5, channel, 20))
    return Move(radio=key, target=where, cause=cause, reason="told_by_the_test")


async def opened(agent: Agent, wanted: Move, actor: Actor | None = None) -> Change:
    found = await agent.changes.open(wanted, actor=actor)
    assert isinstance(found, Change), found
    return found


async def read(agent: Agent, *keys: RadioKey) -> None:
    await until(lambda: all(agent.memory.radios[key].reading for key in keys or agent.memory.radios))


# -- proposals -------------------------------------------------------------------------------------------


def test_a_rejected_proposal_is_not_made_again_for_a_while(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with stage(tmp_path, clock, ADVISE) as (rig, agent):
            interferes(rig, rig.block())
            event = await event_of(agent, BURST)
            (proposed,) = await until(lambda: changes_for(agent, event))
            done = await agent.operator.reject(proposed.id, "exams", PERSON)
            assert (done.state, done.verdict) == (State.EXPIRED, REJECTED)
            with pytest.raises(Refused, match="a person said no to it"):
                await agent.operator.approve(proposed.id, PERSON)
            with pytest.raises(Refused, match="a person said no to it"):
                await agent.operator.reject(proposed.id, "", PERSON)
            await asyncio.sleep(1000.0)
            others = [change for change in changes_for(agent, event) if change.id != proposed.id]
            assert all(change.target != proposed.target for change in others)
        (rejected,) = said(rig, "rejected")
        assert rejected["actor"]["name"] == "ann"
        assert rejected["reason"]["params"]["why"] == "exams"

    run(story)


def test_an_approval_asks_the_guards_and_the_proposal_waits_on(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            await read(agent)
            proposed = await opened(agent, move(161))
            assert proposed.state is State.PROPOSED
            await agent.operator.pause("*", None, PERSON)
            with pytest.raises(Refused, match=r"not possible now \(pause: paused"):
                await agent.operator.approve(proposed.id, PERSON)
            assert agent.memory.changes[proposed.id].state is State.PROPOSED
            await agent.operator.resume("*", PERSON)
            await agent.operator.approve(proposed.id, PERSON)
            assert (await final(agent, proposed)).state is State.COMMITTED
        rig.verify()

    run(story)


def test_what_was_not_approved_in_time_says_so(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        site = replace(ADVISE, policy=replace(ADVISE.policy, advise_expiry_s=60.0))
        async with rig_of(tmp_path, clock, site) as rig, rig.agent() as agent:
            await read(agent)
            proposed = await opened(agent, move(161))
            await asyncio.sleep(59.0)
            shown = await asked_of(agent, rig).handle("changes", protocol.ChangesArgs(open=True), PERSON)
            assert 0.0 < shown["changes"][0]["left_s"] <= 1.0
            await asyncio.sleep(2.0)
            with pytest.raises(Refused, match="no longer waits: its time is over; nothing was sent"):
                await agent.operator.approve(proposed.id, PERSON)
            with pytest.raises(NotFound):
                await agent.operator.approve("nobody", PERSON)

    run(story)


class Slow:
    """A store that takes its time with an approval, or does not take it."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.approving, self.go = threading.Event(), threading.Event()
        self.raises: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def transition(self, change: Change, trigger: Trigger, **rest: Any) -> Any:
        if trigger is Trigger.APPROVE:
            self.approving.set()
            self.go.wait(10.0)
            if self.raises is not None:
                raise self.raises
        return self._store.transition(change, trigger, **rest)


async def is_refused_for_good(rig: Rig, agent: Agent, change: Change, before: Block) -> None:
    """Nothing was sent for the change, and the same is not begun again."""
    ended = await final(agent, change)
    assert (ended.state, ended.verdict) == (State.EXPIRED, REJECTED)
    assert rig.block() == before
    again = await agent.changes.open(move(161, cause=Cause.NON_WIFI_BURST))
    assert isinstance(again, Change)
    with pytest.raises(Refused, match="rejected_lately"):
        await agent.operator.approve(again.id, PERSON)


@pytest.mark.parametrize("busy", [False, True], ids=["taken", "radio_busy"])
def test_a_rejection_counts_while_the_approval_is_being_stored(tmp_path: Path, busy: bool) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig:
            rig.wrap_store = Slow
            async with rig.agent() as agent:
                await read(agent)
                proposed, before = await opened(agent, move(161, cause=Cause.NON_WIFI_BURST)), rig.block()
                slow: Any = agent.ledger.store
                slow.raises = RadioBusy(AP1, "another") if busy else None
                approving = asyncio.create_task(agent.operator.approve(proposed.id, PERSON))
                await asyncio.to_thread(slow.approving.wait, 10.0)
                rejecting = asyncio.create_task(agent.operator.reject(proposed.id, "exams", PERSON))
                await asyncio.sleep(0)
                slow.go.set()
                done = await rejecting
                assert (done.state, done.verdict) == (State.EXPIRED, REJECTED)
                await asyncio.gather(approving, return_exceptions=True)
                await is_refused_for_good(rig, agent, proposed, before)
        rig.verify()

    run(story)


@pytest.mark.parametrize("first", ["approve", "reject"])
def test_of_an_approval_and_a_rejection_in_one_moment_the_rejection_counts(
    tmp_path: Path, first: str
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            await read(agent)
            proposed, before = await opened(agent, move(161, cause=Cause.NON_WIFI_BURST)), rig.block()
            asked = {
                "approve": agent.operator.approve(proposed.id, PERSON),
                "reject": agent.operator.reject(proposed.id, "exams", PERSON),
            }
            order = [first, *(asked.keys() - {first})]
            answers = await asyncio.gather(*(asked[name] for name in order), return_exceptions=True)
            answer = dict(zip(order, answers, strict=True))
            assert isinstance(answer["approve"], Refused)
            assert "a person said no to it; nothing was sent" in str(answer["approve"])
            assert answer["reject"].verdict == REJECTED  # type: ignore[union-attr]
            await is_refused_for_good(rig, agent, proposed, before)
        rig.verify()

    run(story)


def test_a_rejection_that_radar_overrules_says_what_became_of_the_change(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            await read(agent)
            proposed = await opened(agent, move(161))
            rejecting = asyncio.create_task(agent.operator.reject(proposed.id, "", PERSON))
            await asyncio.sleep(0)
            agent.executor.interrupt(proposed.id, Interrupt(trigger=Trigger.SUPERSEDED, reason="radar"))
            with pytest.raises(Refused, match="was not rejected: it is SUPERSEDED"):
                await rejecting

    run(story)


def test_a_rejection_that_fails_is_no_silence(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            await read(agent)
            proposed = await opened(agent, move(161))
            step = agent.ledger.step

            async def fails(*_: Any, **__: Any) -> Any:
                agent.ledger.step = step  # type: ignore[method-assign]
                raise ValueError("a bug")

            agent.ledger.step = fails  # type: ignore[method-assign]
            with pytest.raises(Refused, match="was not rejected: that could not be written down"):
                await agent.operator.reject(proposed.id, "", PERSON)
            await asyncio.sleep(60.0)
            assert (await agent.operator.reject(proposed.id, "", PERSON)).verdict == REJECTED

    run(story)


def test_all_proposals_are_approved_as_far_as_they_may_fly(tmp_path: Path) -> None:
    """One AP of four may have a change in flight; the others are told why not, and wait on."""

    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, ADVISE) as rig, rig.agent() as agent:
            await read(agent)
            first, second = await opened(agent, move(161)), await opened(agent, move(40, AP2))
            answer = await asked_of(agent, rig).handle("approve_all", protocol.ApproveAllArgs(), PERSON)
            told = [(each["change"]["id"], each["refused"]) for each in answer["results"]]
            assert told[0] == (first.id, None)
            assert told[1][0] == second.id
            assert "in_flight" in told[1][1] or "neighbour" in told[1][1]
            assert agent.memory.changes[second.id].state is State.PROPOSED

    run(story)


# -- pauses ----------------------------------------------------------------------------------------------


def test_a_pause_catches_what_is_planned_and_tells_of_what_goes_on(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE) as rig, rig.agent() as agent:
            await read(agent)
            sent = await opened(agent, move(161), PERSON)
            await agent.executor.settled(sent.id, State.MONITORING)
            planned = await opened(agent, move(40, AP2), PERSON)
            assert planned.state is State.PLANNED
            answer = await asked_of(agent, rig).handle("pause", protocol.PauseArgs(scope="*"), PERSON)
            rows = {row["id"]: (row["state"], row["goes_on"]) for row in answer["open"]}
            assert rows[sent.id] == ("MONITORING", True)
            assert rows.get(planned.id, ("PLANNED", False)) == ("PLANNED", False)
            assert "radar" in answer["except_for"]
            assert (await final(agent, planned)).state is State.FAILED
            assert (await final(agent, sent)).state is State.COMMITTED
            assert rig.block(AP2).primary == 44
        rig.verify()

    run(story)


class PausedAtOnce:
    """A store in which a pause comes as soon as the step before a write is on disk."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.agent: Agent | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def transition(self, change: Change, trigger: Trigger, **rest: Any) -> Change:
        after: Change = self._store.transition(change, trigger, **rest)
        if trigger is Trigger.START and self.agent is not None:
            self.agent.memory.pauses["lab/ap1"] = None
        return after


def test_a_pause_catches_a_write_whose_turn_has_not_come(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE) as rig:
            rig.wrap_store = PausedAtOnce
            async with rig.agent() as agent:
                await read(agent)
                agent.ledger.store.agent = agent  # type: ignore[attr-defined]
                change = await final(agent, await opened(agent, move(161), PERSON))
                assert change.state is State.FAILED
                assert rig.block().primary == 36
            assert [r["reason"]["code"] for r in rig.records() if r["to_state"] == "FAILED"] == ["paused"]
            assert rig.steps(change.id) == ["PLANNED", "APPLYING", "FAILED"]

    run(story)


def test_what_a_person_takes_back_goes_through_a_pause(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE) as rig, rig.agent() as agent:
            await read(agent)
            change = await final(agent, await opened(agent, move(161), PERSON))
            await agent.operator.pause("*", None, PERSON)
            last = await agent.operator.last("lab/ap1")
            assert last.id == change.id
            undo = await agent.operator.rollback_id(last.id, PERSON)
            assert (await final(agent, undo)).state is State.COMMITTED
            assert rig.block().primary == 36
            with pytest.raises(NotFound, match="no change that can be taken back"):
                await agent.operator.last("lab/ap1")
        rig.verify()

    run(story)


def test_the_newest_change_of_an_ap_is_found_and_an_open_one_goes_back(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE) as rig, rig.agent() as agent:
            await read(agent)
            await final(agent, await opened(agent, move(161), PERSON))
            second = await opened(agent, move(157), PERSON)
            after = await agent.executor.settled(second.id, State.MONITORING)
            assert after.state is State.MONITORING, said(rig, "vetoed") or rig.records()[-1]["reason"]
            assert (await agent.operator.last("lab/ap1")).id == second.id
            await agent.operator.rollback_id(second.id, PERSON)
            assert (await final(agent, second)).state is State.ROLLED_BACK
            assert rig.block().primary == 161
            with pytest.raises(NotFound):
                await agent.operator.last("lab/ap9")

    run(story)


# -- what waits for a person -----------------------------------------------------------------------------


def test_an_escalated_change_is_said_again_over_a_restart_until_it_is_acknowledged(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        heard: list[tuple[str | None, int]] = []
        async with rig_of(tmp_path, clock, SITE) as rig:
            async with listened_to(rig, heard) as agent:
                await read(agent)
                change = await opened(agent, move(161), PERSON)
                await agent.executor.settled(change.id, State.APPLYING)
                agent.executor._steps[State.MONITORING] = escalating(agent)
                assert (await final(agent, change)).state is State.ESCALATED
                await asyncio.sleep(1000.0)
                assert heard == [(change.id, 0), (change.id, 1)]
            async with listened_to(rig, heard) as agent:
                await asyncio.sleep(60.0)
                assert heard[2:] == [(change.id, 0)]
                await agent.operator.acknowledge(change.id, PERSON)
                await asyncio.sleep(5000.0)
            async with listened_to(rig, heard):
                await asyncio.sleep(60.0)
            assert len(heard) == 3

    run(story)


@asynccontextmanager
async def listened_to(rig: Rig, heard: list[tuple[str | None, int]]) -> AsyncIterator[Agent]:
    """An agent whose alerts are heard from its first moment on."""
    agent, ledger = rig.build()
    agent.alarm.sinks.append(lambda alert: heard.append((alert.change_id, alert.again)))
    running = asyncio.create_task(agent.run(), name="agent")
    try:
        await agent.ready.wait()
        yield agent
    finally:
        agent.stop()
        await running
        await ledger.close()


# -- windows ---------------------------------------------------------------------------------------------


def test_nothing_is_begun_while_people_work_on_the_network(tmp_path: Path) -> None:
    """The simulated noon lies in the window; a person's own request does not wait."""

    async def story(clock: SimulatedClock) -> None:
        policy = replace(SHORT, maintenance=(window("00:00-24:00"),))
        async with stage(tmp_path, clock, site_of(4, policy=policy, widths=(20,))) as (rig, agent):
            interferes(rig, rig.block())
            event = await event_of(agent, BURST)
            await asyncio.sleep(200.0)
            assert not changes_for(agent, event)
            shown = await asked_of(agent, rig).handle("status", protocol.StatusArgs(), PERSON)
            assert shown["sites"][0]["windows"] == [
                {"kind": "maintenance", "window": "00:00-24:00", "until_utc": None}
            ]
            reading = agent.memory.radios[AP1].reading
            assert block_of(reading) is not None
            done = await agent.operator.inject(
                BURST, AP1, channel=161, width_mhz=None, act=True, actor=PERSON
            )
            assert isinstance(done.change, Change)
        assert {r["reason"]["params"]["guard"] for r in said(rig, "vetoed")} == {"maintenance"}

    run(story)


def test_the_beginning_of_an_id_is_enough_when_it_is_unique(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with stage(tmp_path, clock, SITE) as (rig, agent):
            ask = asked_of(agent, rig)
            one, other = await opened(agent, move(40)), await opened(agent, move(48, AP2, Cause.DFS_RADAR))
            same = one.id[: next(n for n, each in enumerate(one.id) if each != other.id[n])]
            begins = one.id[: len(same) + 1]
            assert (await ask.handle("change", protocol.ChangeArgs(id=begins), PERSON))["id"] == one.id
            with pytest.raises(BadArgs, match=r"could be .*give more") as told:
                await ask.handle("change", protocol.ChangeArgs(id=same), PERSON)
            assert one.id in str(told.value)
            assert other.id in str(told.value)
            for args in (protocol.ApproveArgs(id=begins), protocol.RejectArgs(id=begins)):
                with pytest.raises(Refused, match=one.id):
                    await ask.handle("", args, PERSON)
            with pytest.raises(NotFound, match="no escalated change"):
                await ask.handle("acknowledge", protocol.AcknowledgeArgs(id=begins), PERSON)
            with pytest.raises(NotFound, match="no change nonsense"):
                await ask.handle("change", protocol.ChangeArgs(id="nonsense"), PERSON)

    run(story)


@pytest.mark.parametrize("args", [protocol.EventsArgs(site="nowhere"), protocol.ChangesArgs(site="nowhere")])
def test_a_site_that_there_is_not_is_no_empty_list(tmp_path: Path, args: protocol.Args) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with stage(tmp_path, clock, SITE) as (rig, agent):
            with pytest.raises(NotFound, match="no site nowhere; there are lab"):
                await asked_of(agent, rig).handle("", args, PERSON)
            assert await asked_of(agent, rig).handle("", args.model_copy(update={"site": "lab"}), PERSON)

    run(story)


# -- snapshots -------------------------------------------------------------------------------------------


def test_a_snapshot_of_the_running_agent_ranks_channels_as_the_agent_does(tmp_path: Path) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with stage(tmp_path, clock, SITE) as (rig, agent):
            await read(agent)
            await asyncio.sleep(120.0)
            told = await asked_of(agent, rig).handle("snapshot", protocol.SnapshotArgs(site="lab"), PERSON)
            view = pooled(agent.view(SITE))
            again = to_view(json.loads(json.dumps(dict(told))))
            assert any(view.radios[key].neighbors for key in view.radios)
            for key in view.radios:
                assert [c.terms for c in rank(again, key)] == [c.terms for c in rank(view, key)]
            with pytest.raises(NotFound, match="no site north"):
                await asked_of(agent, rig).handle("snapshot", protocol.SnapshotArgs(site="north"), PERSON)

    run(story)


@pytest.mark.parametrize("restarted", [False, True])
def test_an_escalated_change_of_a_site_that_left_the_site_files_can_be_ended(
    tmp_path: Path, restarted: bool
) -> None:
    async def story(clock: SimulatedClock) -> None:
        async with rig_of(tmp_path, clock, SITE) as rig:
            async with rig.agent() as agent:
                await read(agent)
                change = await opened(agent, move(161), PERSON)
                await agent.executor.settled(change.id, State.APPLYING)
                agent.executor._steps[State.MONITORING] = escalating(agent)
                assert (await final(agent, change)).state is State.ESCALATED
                if not restarted:
                    await agent.reload({"other": renamed(SITE, "other")})
                    await ended(agent, rig, change)
            whole, rig.site = rig.site, renamed(SITE, "other")
            if restarted:
                async with rig.agent() as agent:
                    await ended(agent, rig, change)
            rig.site = whole
            async with rig.agent() as agent:
                assert not agent.memory.stuck
                await read(agent)
                assert (await opened(agent, move(36), PERSON)).state is State.PLANNED
        rig.verify()

    async def ended(agent: Agent, rig: Rig, change: Change) -> None:
        asked = asked_of(agent, rig)
        shown = await asked.handle("status", protocol.StatusArgs(), PERSON)
        assert [alert["change_id"] for alert in shown["alerts"]] == [change.id]
        await asked.handle("acknowledge", protocol.AcknowledgeArgs(id=change.id), PERSON)
        shown = await asked.handle("status", protocol.StatusArgs(), PERSON)
        assert shown["alerts"] == []
        (released,) = said(rig, "change.released")
        assert (released["change_id"], released["actor"]["name"]) == (change.id, "ann")
        with pytest.raises(NotFound, match="no escalated change"):
            await asked.handle("acknowledge", protocol.AcknowledgeArgs(id=change.id), PERSON)

    run(story)

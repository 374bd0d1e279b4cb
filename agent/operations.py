"""What the control socket can be asked, answered from the agent. Shapes: `agent.api.protocol`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from agent import rows
from agent.agent import Agent
from agent.api import protocol
from agent.api.errors import BadArgs, NotFound
from agent.audit_files import Filter, query
from agent.change import FINAL, Actor, Change, State
from agent.events import EventKind
from agent.json_text import JsonText
from agent.ledger import LOST_DISK
from agent.moment import UTC_FORMAT, iso
from agent.planner.allowance import allowance
from agent.planner.guards import EVERYWHERE
from agent.planner.site.plan_json import from_plan
from agent.planner.site.snapshot import text_of
from agent.planner.site.wishes import wishes_of
from agent.probe import probe
from agent.store.store import Store
from agent.undo_record import Row
from drivers.base import Device
from inventory.model import RadioKey, Site
from inventory.windows import in_force, until

EXCEPT_FOR = "radar: an AP that heard it is taken off the channel; and what a person takes back"
"""What a pause does not hold."""

MOST_CHANGES: Final = 10_000
SHOWN: Final = 5
"""Changes that an ID could mean."""

STORE = "store"
"""What is acknowledged, if it is no change."""

DeviceMaker = Callable[[Site, str], Device]
"""A fresh session to a device of a site, for a probe that shall not disturb the agent's own."""


class Operations:
    """Answers one operation after the other; see `handle`."""

    def __init__(self, agent: Agent, store_shown: str, audit_dir: Path, device_for: DeviceMaker) -> None:
        self._agent = agent
        self._store_shown = store_shown
        self._audit_dir = audit_dir
        self._device_for = device_for
        self._started = agent.clock.now()

    async def handle(self, op: str, args: Any, actor: Actor) -> Mapping[str, Any]:
        """The answer of one operation. Raises agent.api.errors.OperationError to say no."""
        if isinstance(args, protocol.StatusArgs):
            return await self.status(args.site)
        if isinstance(args, protocol.EventsArgs):
            return await self.events(args)
        if isinstance(args, protocol.ChangesArgs):
            return await self.changes(args)
        if isinstance(args, protocol.ChangeArgs):
            return await self.change(await self._id(args.id))
        if isinstance(args, protocol.RollbackArgs):
            return {"change": await self._shown(await self._taken_back(args, actor))}
        if isinstance(args, protocol.LastArgs):
            return {"change": await self._shown(await self._agent.operator.last(args.ap))}
        if isinstance(args, protocol.ApproveAllArgs):
            done = await self._agent.operator.approve_all(args.site, actor)
            return {"results": [{"change": await self._shown(each), "refused": why} for each, why in done]}
        if isinstance(args, protocol.RejectArgs):
            id = await self._id(args.id, self._proposed())
            change = await self._agent.operator.reject(id, args.why, actor)
            return {"change": await self._shown(change)}
        if isinstance(args, protocol.ApproveArgs):
            id = await self._id(args.id, self._proposed())
            return {"change": await self._shown(await self._agent.operator.approve(id, actor))}
        if isinstance(args, protocol.AcknowledgeArgs) and args.id == STORE:
            if not await self._agent.doubted_store.acknowledge(actor):
                raise NotFound("the store is not in doubt: see `rrmd status`")
            return {"change": None}
        if isinstance(args, protocol.AcknowledgeArgs):
            id = await self._id(args.id, self._agent.memory.stuck)
            return {"change": await self._shown(await self._agent.operator.acknowledge(id, actor))}
        if isinstance(args, protocol.UndoArgs):
            return {"radios": [rows.undo_row(row) for row in await self._undone(args, actor)]}
        if isinstance(args, protocol.BudgetArgs):
            return self.budget(args.site)
        if isinstance(args, protocol.SnapshotArgs):
            return await self.snapshot(args.site)
        if isinstance(args, protocol.PlanArgs):
            return await self.plan(args, actor)
        if isinstance(args, protocol.PauseArgs):
            return await self.pause(args, actor)
        if isinstance(args, protocol.ResumeArgs):
            left = await self._agent.operator.resume(args.scope, actor)
            return {"scope": args.scope, "still": [rows.pause_row(each) for each in left]}
        if isinstance(args, protocol.ReleaseArgs):
            await self._agent.release.give(RadioKey(args.radio), actor)
            return {"radio": args.radio}
        if isinstance(args, protocol.InjectArgs):
            return await self.inject(args, actor)
        if isinstance(args, protocol.ProbeArgs):
            return await self.probe(args)
        raise BadArgs(f"no operation {op!r}")

    async def _taken_back(self, args: protocol.RollbackArgs, actor: Actor) -> Change:
        if args.token is not None:
            return await self._agent.operator.rollback(args.token, actor)
        return await self._agent.operator.rollback_id(args.id or "", actor)

    def budget(self, site: str | None) -> Mapping[str, Any]:
        """What the change budgets leave."""
        sites = [self._agent.memory.site(site)] if site else list(self._agent.sites.values())
        left = [(each, allowance(self._agent.view(each))) for each in sites]
        return {
            "sites": [rows.site_budget(each, found) for each, found in left],
            "radios": [rows.radio_budget(each, one) for each, found in left for one in found.radios],
        }

    async def snapshot(self, site: str) -> Mapping[str, Any]:
        """What is known of a site, written down beside the loop: of a thousand radios that takes a second."""
        view = self._agent.view(self._agent.memory.site(site))
        return JsonText(await asyncio.to_thread(text_of, view))

    async def plan(self, args: protocol.PlanArgs, actor: Actor) -> Mapping[str, Any]:
        """A plan of a site, and what comes of it."""
        site = self._agent.memory.site(args.site)
        if args.stop:
            stopped = await self._agent.campaigns.stop(site.id, actor)
            return {"plan": None, "campaign": rows.campaign_row(stopped)}
        if args.apply:
            self._agent.campaigns.check(site.id)  # before anybody waits for a plan
        plan = await self._agent.planning.plan(site.id, wishes_of(site, **args.wishes))
        begun = await self._agent.campaigns.begin(plan, actor) if args.apply and plan.moves else None
        return {"plan": from_plan(plan), "campaign": rows.campaign_row(begun) if begun else None}

    async def _undone(self, args: protocol.UndoArgs, actor: Actor) -> list[Row]:
        if args.dry_run:
            return await self._agent.undoing.preview(args.since_s, args.site)

        async def stop_plan(site: str) -> None:  # or it would go on meanwhile
            if self._agent.campaigns.running(site):
                await self._agent.campaigns.stop(site, actor)

        return await self._agent.undoing.ask(args.since_s, args.site, actor, stop_plan)

    async def pause(self, args: protocol.PauseArgs, actor: Actor) -> Mapping[str, Any]:
        """The pause, and what of the scope is open."""
        begun = await self._agent.operator.pause(args.scope, args.for_s, actor)
        open_ = [
            {"id": each.id, "radio": each.radios[0], "state": str(each.state), "goes_on": goes_on}
            for each, goes_on in self._agent.operator.open_in(args.scope)
        ]
        return {
            "pause": rows.pause_row(begun.pause),
            "before": rows.pause_row(begun.before) if begun.before else None,
            "kept": begun.kept,
            "open": open_,
            "except_for": EXCEPT_FOR,
        }

    async def status(self, site: str | None) -> Mapping[str, Any]:
        """Sites, radios, non-occupancy periods and alerts as known right now."""
        sites = [self._agent.memory.site(site)] if site else list(self._agent.sites.values())
        head = await self._known(None, self._store.audit_head)
        return {
            "agent": {
                "version": version("rrmd"),
                "started_utc": iso(self._started.utc_us),
                "audit_seq": head.seq if head else None,
                "audit_file": head.file if head else None,
                "store": self._store_shown,
                "observing_only": self._agent.memory.observing,
            },
            "sites": [self._site_row(each) for each in sites],
            "radios": [self._radio_row(key) for each in sites for key in each.radios],
            "nop": [row for each in sites for row in self._nop_rows(each)],
            "events": [
                rows.event_row(event)
                for event in self._agent.incidents.open_events()
                if not site or event.site == site
            ],
            "pauses": [
                rows.pause_row(pause)
                for pause in await self._known([], self._store.pauses, self._agent.clock.now())
                if not site or pause.scope.split("/")[0] in (site, EVERYWHERE)
            ],
            "undo": [rows.undo_row(row) for row in self._agent.undoing.rows],
            "plans": [rows.campaign_row(each) for each in self._agent.campaigns.running(site)],
            "alerts": [rows.alert_row(a) for a in self._agent.alerts if not site or a.site == site]
            + [rows.escalated_row(c) for c in await self._known([], self._store.escalated, site)],
        }

    async def events(self, args: protocol.EventsArgs) -> Mapping[str, Any]:
        since = None
        if args.since_s is not None:
            since = self._agent.clock.now().utc_us - round(args.since_s * 1e6)
        found = await self._call(self._store.events, args.site, since, args.limit)
        if args.site and not found:
            self._agent.memory.site(args.site)  # one that has left the site files is known by its rows
        return {"events": [rows.event_row(event) for event in found]}

    async def changes(self, args: protocol.ChangesArgs) -> Mapping[str, Any]:
        radio = RadioKey(args.radio) if args.radio else None
        found = await self._call(self._store.changes, args.site, radio, None, MOST_CHANGES)
        if args.site and not found:
            self._agent.memory.site(args.site)
        if args.open is not None:
            found = [change for change in found if change.final is not args.open]
        return {"changes": [await self._shown(change) for change in found[: args.limit]]}

    async def change(self, id: str) -> Mapping[str, Any]:
        """One change with its decision, its baseline and its audit records."""
        change = await self._call(self._store.change, id)
        if change is None:
            raise NotFound(f"no change {id}: see `rrmd changes`")
        records = await self._call(self._records, id)
        return {
            **await self._shown(change),
            "reason": dict(change.reason),
            "baseline": dict(change.baseline) if change.baseline else None,
            "effect": rows.effect(records),
            "records": records,
        }

    async def inject(self, args: protocol.InjectArgs, actor: Actor) -> Mapping[str, Any]:
        try:
            kind = EventKind(args.kind)
        except ValueError:
            kinds = ", ".join(EventKind)
            raise BadArgs(f"no event kind {args.kind}; there are {kinds}") from None
        done = await self._agent.operator.inject(
            kind,
            RadioKey(args.radio),
            channel=args.channel,
            width_mhz=args.width_mhz,
            act=args.act,
            actor=actor,
        )
        return {
            "event": rows.event_row(done.event),
            "decision": rows.decision_row(done),
            "answers": [rows.answer_row(answer) for answer in done.answers],
            "begun": done.begun,
            "change": await self._shown(done.change) if done.change else None,
        }

    async def probe(self, args: protocol.ProbeArgs) -> Mapping[str, Any]:
        """Ask the AP's device everything, over a session of its own."""
        site_id, ap_id = args.ap.split("/")
        site = self._agent.memory.site(site_id)
        if ap_id not in site.aps:
            raise NotFound(f"site {site_id} has no AP {ap_id}: see `rrmd status`")
        device_id = site.aps[ap_id].device
        aps = [ap for ap in site.aps.values() if ap.device == device_id]
        device = self._device_for(site, device_id)
        radios = frozenset(radio.key for radio in site.aps[ap_id].radios)
        try:
            return await probe(device, self._agent.clock.monotonic, radios, aps=aps, for_s=args.for_s)
        finally:
            await device.close()

    # -- rows --------------------------------------------------------------------------------------

    async def _shown(self, change: Change) -> dict[str, Any]:
        """A change as a row; its token only while it can still be used."""
        row = await self._call(self._store.token, change.token_sha256) if change.token_sha256 else None
        usable = row is not None and row.used_utc_us is None and change.state not in _NOTHING_TO_UNDO
        token = self._agent.changes.token(change) if usable else None
        return rows.change_row(change, self._agent.clock.now(), token)

    def _site_row(self, site: Site) -> dict[str, Any]:
        memory = self._agent.memory
        return {
            "id": site.id,
            "country": site.country,
            "mode": str(site.policy.mode),
            "aps": len(site.aps),
            "radios": len(site.radios),
            "lost": sum(each.startswith(f"{site.id}/") for each in memory.lost),
            "open_changes": sum(not c.final for c in memory.changes.values() if c.site == site.id),
            "windows": self._windows(site),
        }

    def _windows(self, site: Site) -> list[dict[str, Any]]:
        """What is in force of the site's hours, and until when. ``until_utc`` None: no end is in sight."""
        now, found = self._agent.clock.now().utc, list[dict[str, Any]]()
        for kind in ("maintenance", "change_hours"):
            spans = getattr(site.policy, kind)
            if held := in_force(now, site.timezone, spans):
                end = until(now, site.timezone, spans)
                said = None if end is None else end.strftime(UTC_FORMAT)
                found.append({"kind": kind, "window": held.text, "until_utc": said})
        return found

    def _radio_row(self, key: RadioKey) -> dict[str, Any]:
        known = self._agent.memory.radios[key]
        reading, last = known.reading, known.history.last
        change = next(
            (c for c in self._agent.memory.changes.values() if not c.final and key in c.radios), None
        )
        return {
            "key": key,
            "state": str(reading.state) if reading else None,
            "channel": reading.channel.value if reading and reading.channel else None,
            "width_mhz": reading.width_mhz.value if reading and reading.width_mhz else None,
            "tx_power_dbm": reading.tx_power_dbm.value if reading and reading.tx_power_dbm else None,
            "clients": reading.clients_here if reading else None,
            "retry_ratio": last.retry_ratio if last else None,
            "busy_ratio": last.busy_ratio if last else None,
            "slots": self._agent.valid_slots(key),
            "age_s": round(self._agent.clock.monotonic() - reading.at_s, 1) if reading else None,
            "change_id": change.id if change else None,
        }

    def _nop_rows(self, site: Site) -> list[dict[str, Any]]:
        now = self._agent.clock.now()
        return [
            {
                "site": nop.site,
                "mhz": nop.mhz20,
                "channel": rows.channel(nop.mhz20),
                "left_s": round(nop.deadline.left_s(now), 1),
                "by_radio": nop.by_radio,
            }
            for nop in sorted(self._agent.memory.nops.values(), key=lambda each: each.mhz20)
            if nop.site == site.id and not nop.deadline.passed(now)
        ]

    # -- small things ------------------------------------------------------------------------------

    @property
    def _store(self) -> Store:
        return self._agent.ledger.store

    async def _call(self, work: Callable[..., Any], *args: Any) -> Any:
        return await self._agent.ledger.read(work, *args)

    async def _known(self, without: Any, work: Callable[..., Any], *args: Any) -> Any:
        """As `_call`; ``without`` while the store is lost: the rest of a status is told all the same."""
        try:
            return await self._call(work, *args)
        except LOST_DISK:
            return without

    def _records(self, change_id: str) -> list[Mapping[str, Any]]:
        return list(query(self._audit_dir, Filter(change_id=change_id)))

    def _proposed(self) -> list[str]:
        return [each.id for each in self._agent.memory.changes.values() if each.state is State.PROPOSED]

    async def _id(self, begins: str, first: Collection[str] = ()) -> str:
        """The ID of the one change that begins so; of ``first``, if one of these does. As it is when there is
        none: who uses it says so. Raises BadArgs with the candidates."""
        if begins in first:
            return begins
        found = [id for id in first if id.startswith(begins)]
        if not found:
            changes = await self._call(self._store.changes, None, None, None, MOST_CHANGES)
            found = [each.id for each in changes if each.id.startswith(begins)]
        if len(found) > 1 and begins not in found:
            shown = ", ".join(found[:SHOWN]) + (
                f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            )
            raise BadArgs(f"{begins} could be {shown}: give more of the ID")
        return found[0] if len(found) == 1 else begins


_NOTHING_TO_UNDO = FINAL - {State.COMMITTED, State.ESCALATED}

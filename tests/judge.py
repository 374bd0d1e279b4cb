"""Looks at each write at the moment of the apply, and at store and audit afterwards: shared by the random
stories (tests/scenario/test_properties.py) and the storm (tests/storm)."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from rig import Rig

from agent.agent import Agent
from agent.backlog import Entry
from agent.change import FINAL, IN_FLIGHT, INCIDENTS, LIVE, TABLE, Cause, Change, State, agrees
from agent.store.store import Store
from agent.view import block_in_values
from drivers.types import Edit, RadioState, Receipt, Setting, Snapshot, Table
from inventory import regulatory
from inventory.channels import Block
from inventory.model import Mode, RadioKey, ap_of


class AuditTail:
    """The records of each change as they stand in the audit files, read on from where it was left."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = {}
        self._by_change: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def of(self, change_id: str) -> list[dict[str, Any]]:
        for path in sorted(self._directory.glob("audit_*.jsonl")):
            self._go_on(path)
        return self._by_change[change_id]

    def _go_on(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read[path] = self._read.get(path, 0) + len(whole) + len(newline)
        for record in map(json.loads, whole.splitlines()):
            if record["change_id"]:
                self._by_change[record["change_id"]].append(record)


class Judge:
    """Looks at each write in the moment in which it is handed to the device. ``lists``: devices tell which
    channels they have; where they don't, nothing but our own knowledge of the law keeps us within it."""

    def __init__(self, rig: Rig, *, lists: bool) -> None:
        self.rig = rig
        self.lists = lists
        self.agent: Agent | None = None
        self.store: Store | None = None
        self.writes = 0
        self.wrong: list[str] = []
        self._told = AuditTail(rig.directory / "audit")
        rig.wrap_device, rig.wrap_store = self.device, self.keep

    def keep(self, store: Store) -> Store:
        self.store = store
        return store

    def device(self, device: Any) -> Any:
        send, ask = device.apply, device.read

        async def read(tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
            told: Snapshot = await ask(tables, radios)
            if self.lists:
                return told
            bare = {key: replace(each, allowed_mhz=None) for key, each in told.readings.items()}
            return replace(told, readings=bare)

        async def apply(edit: Edit, undo_after_s: float | None) -> Receipt:
            self.writes += 1
            self.wrong += [f"{rule}: {edit} at {self.rig.clock.monotonic()}" for rule in self.broken(edit)]
            if undo_after_s is not None:
                self.wrong += [f"{rule}: {edit}" for rule in self.timer_broken(edit)]
            done: Receipt = await send(edit, undo_after_s)
            return done

        device.apply, device.read = apply, read
        return device

    @property
    def known(self) -> tuple[Agent, Store]:
        assert self.agent is not None
        assert self.store is not None
        return self.agent, self.store

    def broken(self, edit: Edit) -> Iterator[str]:
        """The rules that this write breaks."""
        agent, store = self.known
        if waits := [e for e in agent.ledger.backlog.waiting if e.change and e.change.id == edit.change_id]:
            yield from self.journalled(waits[-1], agent, store, edit)
            return
        change = store.change(edit.change_id)
        if change is None:
            yield "no change stored"
            return
        yield from self.undoable(store, change, edit)
        yield from self.explained(change)
        yield from self.lawful(store, agent, change, edit)
        yield from self.wanted(change, edit)
        if change.state is State.APPLYING and change.cause is not Cause.DFS_RADAR:
            yield from self.alone(store, agent, change)

    def journalled(self, entry: Entry, agent: Agent, store: Store, edit: Edit) -> Iterator[str]:
        """While the store is lost radar's writes, and no others, go by the journal."""
        change, backlog = entry.change, agent.ledger.backlog
        assert change is not None
        if change.cause is not Cause.DFS_RADAR:
            yield "written without the store, and not because of radar"
        if change.state is not State.APPLYING or dict(edit.set) != dict(change.target):
            yield "another edit than the journalled one"
        if [r["to_state"] for r in entry.records] != [change.state]:
            yield f"{change.state} is not among what waits for the audit"
        if backlog.lost is None and entry.to_bytes() not in self.rig.settings.journal.read_bytes():
            yield "not in the journal"
        yield from self.lawful(store, agent, change, edit)

    def undoable(self, store: Store, change: Change, edit: Edit) -> Iterator[str]:
        token = store.token(change.token_sha256 or "")
        if token is None:
            yield "no token stored"
        elif change.state is State.APPLYING and token.used_utc_us is not None:
            yield "the token is used, nobody could undo it"
        elif change.state is State.ROLLING_BACK and token.used_utc_us is None:
            yield "undone without its token"
        if change.state is State.APPLYING:
            if dict(edit.set) != dict(change.target) or dict(edit.expect) != dict(change.prior):
                yield "another edit than the stored one"
        elif change.state is State.ROLLING_BACK:
            if not agrees(change.rollback_to or change.prior, edit.set):
                yield "goes back to something else than is stored"
        else:
            yield f"written in {change.state}"
        wakes = dict(edit.expect) == {Setting.ENABLED: 0} and edit.set.get(Setting.ENABLED) == 1
        if set(edit.set) - set(edit.expect) - {Setting.ENABLED} and not wakes:
            yield "no compare-and-set"

    def explained(self, change: Change) -> Iterator[str]:
        told = [r for r in self.records(change.id) if r["to_state"] is not None]
        if not told or told[-1]["to_state"] != change.state:
            yield f"{change.state} is not in the audit file"
        elif told[-1]["token_sha256"] != change.token_sha256 or told[-1]["new"] != dict(change.target):
            yield "the audit file tells something else"

    def records(self, change_id: str) -> list[dict[str, Any]]:
        """Of this change; others may name it as the reason why they were not begun."""
        return self._told.of(change_id)

    def lawful(self, store: Store, agent: Agent, change: Change, edit: Edit) -> Iterator[str]:
        key = change.radios[0]
        radio = self.rig.site.radios[key]
        if {**self.rig.world.in_force(key), **edit.set}[Setting.ENABLED] == 0:
            return
        block = self.block_after(edit)
        if block is None:
            yield "no such block"
            return
        if (why := regulatory.refusal(self.rig.site.country, block, radio)) is not None:
            yield f"illegal, {why}"
        barred = {n.mhz20 for n in store.nops(self.rig.clock.now())}
        barred |= agent.memory.barred("lab", self.rig.clock.now())
        here = self.rig.world.radio(key)
        there_already = here.state is RadioState.ON_AIR and block.mhz20 <= here.block.mhz20
        if block.mhz20 & barred and not there_already:
            yield f"in a non-occupancy period, {sorted(block.mhz20 & barred)}"

    def block_after(self, edit: Edit) -> Block | None:
        """Where the radio is after this write; None: no such block."""
        key = edit.scope.members[0]
        return block_in_values(self.rig.site.radios[key], {**self.rig.world.in_force(key), **edit.set})

    def wanted(self, change: Change, edit: Edit) -> Iterator[str]:
        """What the site's owner wants; radar and going back come before it."""
        site, radio = self.rig.site, self.rig.site.radios[change.radios[0]]
        if site.policy.mode is Mode.OBSERVE:
            yield "a write in observe mode"
        if change.cause is Cause.DFS_RADAR or change.state is State.ROLLING_BACK:
            return
        if radio.pinned:
            yield "a pinned radio is moved"
        block = block_in_values(radio, edit.set)
        if block is None or change.cause in INCIDENTS:
            return
        if radio.channels is not None and block.primary not in radio.channels:
            yield "a channel that the site does not list"
        if block.width_mhz not in radio.widths_mhz:
            yield "a width that the site does not list"
        if not radio.dfs and regulatory.dfs_needed(site.country, block):
            yield "a DFS channel where the site wants none"

    def alone(self, store: Store, agent: Agent, change: Change) -> Iterator[str]:
        site, key = self.rig.site, change.radios[0]
        flying = [
            c
            for c in store.open_changes()
            if c.state in IN_FLIGHT and c.cause is not Cause.DFS_RADAR and c.id != change.id
        ]
        near = agent.view(agent.sites[site.id]).neighbours(key)
        if any(near & set(c.radios) for c in flying):
            yield "two neighbours in flight"
        if any(key in c.radios for c in flying):
            yield "two changes in flight on one radio"
        most = max(1, math.floor(len(site.aps) * site.policy.max_inflight_ratio))
        if len({ap_of(k) for c in [change, *flying] for k in c.radios}) > most:
            yield "too many in flight"

    def timer_broken(self, edit: Edit) -> Iterator[str]:
        """What a timer left on the device would do."""
        _, store = self.known
        radio = self.rig.site.radios[edit.scope.members[0]]
        prior = block_in_values(radio, edit.expect)
        if prior is not None and regulatory.dfs_needed(self.rig.site.country, prior):
            yield "a timer that could go back onto radar"
        if (change := store.change(edit.change_id)) and change.state is State.ROLLING_BACK:
            yield "a timer on a rollback"


def check_books(rig: Rig) -> None:
    """Store and audit agree about how each change went, and each path is one that the table knows."""
    store = Store(rig.url)
    try:
        changes = store.changes(limit=10_000)
        tokens = {c.id: store.token(c.token_sha256 or "") for c in changes}
        assert not [c for c in changes if c.state in LIVE]
    finally:
        store.close()
    records = rig.records()
    paths = {
        c.id: [r["to_state"] for r in records if r["change_id"] == c.id and r["to_state"]] for c in changes
    }
    spent = Counter(c.undo_of for c in changes if c.has_token and _touched(paths[c.id]))
    for change in changes:
        path = paths[change.id]
        assert path[-1] == change.state
        assert path[0] in ("PLANNED", "PROPOSED")
        assert change.state in FINAL
        for a, b in pairwise(path):
            assert any(TABLE.get((State(a), t)) == b for _, t in TABLE), (a, b)
        if change.state is State.COMMITTED:
            assert "MONITORING" in path, "never proven"
        token = tokens[change.id]
        assert token is not None
        began_undo = sum(b == "ROLLING_BACK" != a for a, b in pairwise(path))
        assert began_undo + spent[change.id] <= 1, "a token used twice"
        assert (token.used_utc_us is not None) == bool(began_undo + spent[change.id])
        if change.undo_of is not None and not change.has_token:
            before = tokens[change.undo_of]
            assert before is not None
            assert before.used_utc_us is not None, "undone without its token, which is good still"


def _touched(path: Sequence[str]) -> bool:
    """Whether an undo may have written something. One that did not leaves the right to undo where it was."""
    return path[-1] not in ("FAILED", "EXPIRED") and (path[-1] != "SUPERSEDED" or "APPLYING" in path)

"""A store that was made anew: what can be known of the lost one is put back or told, and the sites are only
observed until a person says that it is known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from agent.audit import EVERY_SITE, AuditUnavailable
from agent.audit_files import query
from agent.change import Actor
from agent.clock import Clock
from agent.keeper import DOUBT
from agent.ledger import Ledger
from agent.lost_rows import LostRows, lost_rows, told
from agent.memory import Memory
from agent.moment import Deadline, iso
from inventory.model import RadioKey

log = structlog.get_logger()

_BEFORE: Final = "pauses that were begun before may be lost, and changes that were left open"


class DoubtedStore:
    """Whether the store is in doubt; what is known of it is in the memory. ``alert(site, text, radio)``
    calls a person."""

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger,
        clock: Clock,
        alert: Callable[[str, str, RadioKey | None], None],
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._clock = clock
        self._alert = alert

    async def heed(self) -> None:
        """Observe only if the store was made anew and nobody has said that it is known. Raises
        StoreUnavailable, AuditUnavailable."""
        text = await self._ledger.call(self._ledger.store.get_meta, DOUBT)
        if not text:
            self._memory.doubt = None
            return
        doubt = json.loads(text)
        if doubt["told"] is None:
            doubt["told"] = await self._rebuild(doubt)
            await self._ledger.call(self._ledger.store.set_meta, DOUBT, json.dumps(doubt))
        if self._memory.doubt is None:
            self._alert(EVERY_SITE, doubt["told"], None)
        self._memory.doubt = f"the store was made anew: {doubt['why']}; see `rrmd acknowledge store`"

    async def acknowledge(self, actor: Actor) -> bool:
        """A person knows what may be lost; False when nothing was in doubt."""
        if self._memory.doubt is None:
            return False
        why = {"why": self._memory.doubt}
        entry = self._ledger.record("operator", "store.acknowledged", EVERY_SITE, actor=actor, params=why)
        await self._ledger.note(entry)
        await self._ledger.call(self._ledger.store.set_meta, DOUBT, "")
        self._memory.doubt = None
        return True

    async def _rebuild(self, doubt: Mapping[str, Any]) -> str:
        """Puts back what the audit log knows, and says what it can't."""
        named = {self._ledger.names(key): key for key in self._memory.radios}
        now = self._clock.now()
        rows = await asyncio.to_thread(self._read, named)
        self._memory.bar(rows.nops)
        params = {
            "why": doubt["why"],
            "file": doubt["file"],
            "nops": len(rows.nops),
            "open_changes": len(rows.changes),
            "uncounted_changes": rows.counted,
        }
        entry = self._ledger.record("system", "store.made_anew", EVERY_SITE, params=params)
        await self._ledger.write(self._ledger.store.bar, rows.nops, [entry])
        for scope, each in rows.pauses.items():
            for_s = each["reason"]["params"]["for_s"]
            until = None if for_s == "" else Deadline.after(now, float(for_s))
            await self._ledger.call(self._ledger.store.pause, scope, Actor(**each["actor"]), now, until)
            self._memory.pauses[scope] = until
        return _said(doubt, rows, named)

    def _read(self, named: Mapping[str, RadioKey]) -> LostRows:
        """Of the whole log: a pause may be older than anything else. Raises AuditUnavailable."""
        try:
            return lost_rows(query(self._ledger.audit.directory), self._clock.now(), named)
        except OSError as error:
            raise AuditUnavailable(f"the audit log can't be read: {error}") from error


def _said(doubt: Mapping[str, Any], rows: LostRows, named: Mapping[str, RadioKey]) -> str:
    aside = f", the old one is {doubt['file']}" if doubt["file"] else ""
    opened = "; ".join(told(each, named) for each in rows.changes) or "none"
    cut = "" if rows.begins_utc_us is None else f" The log begins at {iso(rows.begins_utc_us)}: {_BEFORE}."
    return (
        f"the store was made anew ({doubt['why']}{aside}): tokens, budgets ({rows.counted} changes of the "
        f"last week) and open changes are lost. By the audit log these were open: {opened}.{cut} Nothing is "
        "changed, radar excepted, until `rrmd acknowledge store`"
    )

"""Plans that are being carried out, as the store has them, one of a site at the most; and their changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agent.campaign_record import Campaign
from agent.change import Change
from agent.ledger import Ledger
from agent.memory import Memory
from agent.records import Record
from inventory.model import RadioKey


class CampaignBook:
    """How far each is and what is told of that: on disk are both or neither."""

    def __init__(self, ledger: Ledger, memory: Memory) -> None:
        self._ledger = ledger
        self._memory = memory

    async def read(self, site: str) -> Campaign | None:
        """The one that was left; None: there is none. KeyError, TypeError, ValueError: it is there, and of
        another version of rrmd."""
        text = await self._ledger.call(self._ledger.store.get_meta, _key(site))
        return Campaign.of_text(text) if text else None

    async def write(self, c: Campaign, *records: Record) -> None:
        text = await asyncio.to_thread(c.to_text)
        await self._ledger.write(self._ledger.store.keep, _key(c.site), text, records)

    async def close(self, site: str, entry: Record) -> None:
        """It is over."""
        await self._ledger.write(self._ledger.store.keep, _key(site), "", [entry])

    def dropped(self, c: Campaign, key: RadioKey, params: Mapping[str, Any]) -> Record:
        """What tells that a move is not made."""
        return self._ledger.record(
            "decision",
            "plan.move_dropped",
            c.site,
            radio=key,
            actor=c.actor,
            params={**params, "plan": c.id},
            result="no_change",
        )

    async def change(self, id: str | None) -> Change | None:
        """One of its changes, however old; None: there is none."""
        if id is None:
            return None
        if id in self._memory.changes:
            return self._memory.changes[id]
        return await self._ledger.call(self._ledger.store.change, id)


def _key(site: str) -> str:
    return f"campaign/{site}"

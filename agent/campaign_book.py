"""Plans that are being carried out, as the store has them: one of a site at the most."""

from __future__ import annotations

import asyncio

from agent.campaign_record import Campaign
from agent.ledger import Ledger
from agent.records import Record


class CampaignBook:
    """How far each is and what is told of that: on disk are both or neither."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

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


def _key(site: str) -> str:
    return f"campaign/{site}"

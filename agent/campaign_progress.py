"""How far a plan that is being carried out is, by what is known of its radios and changes just now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agent.campaign_record import LOST, Campaign, Part
from agent.change import HALF_DONE, Cause, Change
from agent.memory import Memory
from agent.planner import guards
from agent.planner.decision import NOT_NOW, NoChange
from agent.planner.legal import Veto
from agent.planner.site.remainder import Progress
from agent.view import block_in_values, block_of
from drivers.types import Table
from inventory.channels import Block
from inventory.model import Mode, RadioKey, Site

READ_WITHIN_S: Final = 300.0
"""After a start so long at the most is waited for what is known of the radios: no longer than for a scan."""

MOVED: Final = frozenset({Part.OPEN, Part.MADE, Part.GOING_BACK})
"""What the record may still say of a move whose next way back is under way."""


def progress(c: Campaign, site: Site, memory: Memory, refused: Mapping[RadioKey, str]) -> Progress:
    """What the rest of a plan is judged by. ``refused``: radios of which nothing could be begun just now, and
    why."""
    lost = [key for key in c.those(*LOST) if c.moves[key].before != c.moves[key].after]
    return Progress(
        todo=[c.moves[key] for key in c.those(Part.WAITS)],
        made=_places_before(c, site, memory),
        lost=lost,
        locked=_locked(memory, refused),
        by_person=c.by_person,
        rehearsal=site.policy.mode is Mode.DRY_RUN,
        least_gain=c.plan.wishes.least_gain,
    )


def _locked(memory: Memory, refused: Mapping[RadioKey, str]) -> Mapping[RadioKey, Veto]:
    """Those, and radios of an escalated change that nobody has dealt with."""
    found = {key: Veto(guard="device", reason=why) for key, why in refused.items()}
    for change in (memory.changes[id] for id in sorted(memory.stuck) if id in memory.changes):
        veto = Veto(guard="open_change", reason="escalated", params={"change": change.id})
        found |= dict.fromkeys(change.radios, veto)
    return found


def no_way_back(none: NoChange) -> str | None:
    """Why a move can't be taken back; None: what speaks against it passes."""
    if none.reason in NOT_NOW:
        return None
    lasting = next((veto.reason for veto in none.vetoes if not guards.passes(veto)), None)
    return lasting if none.vetoes else none.reason


def objection(none: NoChange) -> str:
    """What stands in the way just now, in words."""
    return f"{none.vetoes[0].guard} {none.vetoes[0].reason}" if none.vetoes else none.reason


def _places_before(c: Campaign, site: Site, memory: Memory) -> Mapping[RadioKey, Block]:
    """Where radios were that have moved, and stayed since where they were moved to."""
    found = dict[RadioKey, Block]()
    for key in c.those(Part.MADE):
        change = memory.changes.get(c.standings[key].change or "")
        known = memory.radios.get(key)
        if change is None or known is None or block_of(known.reading) != c.moves[key].after:
            continue
        if (prior := block_in_values(site.radios[key], change.prior)) is not None:
            found[key] = prior
    return found


def adopt(c: Campaign, changes: Iterable[Change]) -> None:
    """Changes that were stored, and the campaign's next record not: the process ended in between.
    ``changes``: newest first."""
    made, undone = set[RadioKey](), set[RadioKey]()
    for change in changes:
        key = change.radios[0]
        if (standing := c.standings.get(key)) is None:
            continue
        if change.reason.get("params", {}).get("plan") == c.id and key not in made:
            made.add(key)  # those before it were held up
            if standing.part is Part.WAITS and standing.change != change.id:
                standing.part, standing.change = Part.OPEN, change.id
        elif _is_its_undo(change, standing.change) and key not in undone:
            undone.add(key)  # of several the last one counts
            if standing.part in MOVED and standing.undo != change.id:
                standing.goes_back(change.id)


def _is_its_undo(change: Change, made_by: str | None) -> bool:
    ours = change.cause is Cause.UNDO and change.reason.get("code") == HALF_DONE
    return ours and made_by is not None and change.undo_of == made_by


def unread(site: Site, memory: Memory) -> Iterator[RadioKey]:
    """Radios of which it is not known again where they are, what they do and whom they hear; those of a lost
    device are not waited for."""
    for key in site.radios:
        known = memory.radios[key]
        if f"{site.id}/{known.device}" in memory.lost:
            continue
        tables = known.capabilities.tables if known.capabilities else frozenset(Table)
        deaf = known.scanned_at_s is None and Table.NEIGHBORS in tables
        if known.reading is None or known.history.last is None or deaf:
            yield key

"""One entry of the radar journal into the store, once it is there: as if it had been written in time."""

from __future__ import annotations

from collections.abc import Callable

from agent.backlog import Entry
from agent.change import TABLE, Change, State, Trigger
from agent.moment import Moment
from agent.records import Record
from agent.store.changes import PATCHABLE
from agent.store.errors import RadioBusy, StaleChange
from agent.store.store import Store

MakeRecord = Callable[..., Record]
"""An audit record of now: `agent.ledger.Ledger.record`."""


def take_over(
    store: Store, entry: Entry, now: Moment, record: MakeRecord, lease: tuple[str, int] | None = None
) -> None:
    """What is in the store already, since the last take-over broke off, is left out. ``lease`` (holder,
    epoch) of the change's site: None, not asked. Raises LeaseLost: the change is another agent's."""
    if entry.change is None:
        take_note(store, entry)
        return
    row = store.change(entry.change.id)
    if row is None:
        _create(store, entry, entry.change, record, lease)
    elif row.rev < entry.change.rev:
        _step(store, entry, row, entry.change, now, lease)


def take_note(store: Store, entry: Entry) -> None:
    """What was heard and what was done, without the change: whoever has the site has its changes."""
    if not store.queued(entry.records):
        store.bar(entry.nops, entry.records, entry.event)


def _create(
    store: Store, entry: Entry, change: Change, record: MakeRecord, lease: tuple[str, int] | None
) -> None:
    """A radio that another change holds is taken from it: radar has moved it away since."""
    while True:
        try:
            store.create(change, records=entry.records, token_expires=entry.token_expires, lease=lease)
        except RadioBusy as busy:
            _supersede(store, store.change(busy.change_id), record, lease)
        else:
            return


def _supersede(
    store: Store, holder: Change | None, record: MakeRecord, lease: tuple[str, int] | None
) -> None:
    if holder is None:
        return
    if holder.state is State.ESCALATED:
        entry = record("operator", "change.released", holder.site, change=holder)
        store.release_escalated(holder, [entry], lease=lease)
        return
    entry = record(
        "transition",
        "radar",
        holder.site,
        change=holder,
        from_state=holder.state,
        to_state=State.SUPERSEDED,
        params={"trigger": str(Trigger.SUPERSEDED)},
        result=State.SUPERSEDED,
    )
    store.transition(holder, Trigger.SUPERSEDED, records=[entry], lease=lease)


def _step(
    store: Store,
    entry: Entry,
    row: Change,
    after: Change,
    now: Moment,
    lease: tuple[str, int] | None,
) -> None:
    """The step from the row; where the row has gone another way since, the record alone."""
    trigger = entry.trigger
    if trigger is None or row.rev != after.rev - 1 or TABLE.get((row.state, trigger)) is not after.state:
        store.append(entry.records)
        return
    patch = {name: getattr(after, name) for name in PATCHABLE - {"token_sha256"}}
    try:
        store.transition(
            row,
            trigger,
            records=entry.records,
            use_token=entry.use_token,
            allow_expired=True,
            now=now,
            lease=lease,
            **patch,
        )
    except StaleChange:
        store.append(entry.records)

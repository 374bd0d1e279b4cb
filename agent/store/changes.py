"""Stored changes: their rows, their radios' locks, their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, or_, select, update

from agent.change import FINAL, LIVE, WITHOUT_EFFECT, Change, State, Trigger, next_state
from agent.events import EventKind
from agent.moment import Deadline, Moment
from agent.records import Record
from agent.store import tables
from agent.store.database import Database
from agent.store.errors import RadioBusy, StaleChange, TokenExpired, TokenSpent, decoded
from agent.store.leases import check_lease
from agent.store.recording import queue_records
from agent.store.rows import Row, TokenRow, change_of, change_row, token_of
from inventory.model import RadioKey

PATCHABLE = frozenset(
    {
        "deadline",
        "verdict",
        "attempts",
        "baseline",
        "rollback_to",
        "extended",
        "acked_at",
        "undo_until",
        "reason",
        "silent_s",
        "prior",
        "actor",
        "event_id",
        "token_sha256",
    }
)
"""The fields of a change that a transition may set."""

OPEN: Final = select(tables.change).where(tables.change.c.state.in_([state.value for state in LIVE]))
"""Asked for twice a minute, so made once: a statement with a list in it refers to itself in circles."""

BY_TIME: Final = (tables.change.c.created_utc, tables.change.c.id)


def _last() -> Select[Any]:
    """Of each radio of a site the newest change that took effect, and the newest that did not."""
    change, radio = tables.change.c, tables.change_member.c.radio
    rank = func.row_number().over(
        partition_by=(radio, change.state.in_([state.value for state in WITHOUT_EFFECT])),
        order_by=(change.nth.desc(), change.created_utc.desc(), change.id.desc()),
    )
    mine = select(change.id, rank.label("back")).join(tables.change_member)
    ranked = mine.where(change.site == bindparam("of")).subquery()
    return select(change.id, change.rev).where(change.id.in_(select(ranked.c.id).where(ranked.c.back == 1)))


LAST: Final = _last()
ROW: Final = select(tables.change).where(tables.change.c.id == bindparam("id"))


def check_patch(patch: Iterable[str]) -> None:
    """Raises TypeError when a field is not one of PATCHABLE."""
    if odd := set(patch) - PATCHABLE:
        raise TypeError(f"a transition cannot set {', '.join(sorted(odd))}")


def update_change(conn: Connection, before: Change, after: Change) -> None:
    """Writes ``after`` where ``before`` still is. Raises StaleChange."""
    _put(conn, before, change_row(after))


def _put(conn: Connection, before: Change, values: Mapping[str, Any]) -> None:
    same = (tables.change.c.id == before.id, tables.change.c.rev == before.rev)
    seen = (*same, tables.change.c.state == before.state.value)
    if conn.execute(update(tables.change).where(*seen).values(values)).rowcount != 1:
        raise StaleChange(f"change {before.id} is no longer at rev {before.rev}, {before.state}")


def lock_radios(conn: Connection, change: Change) -> None:
    """Gives the change its radios. Raises RadioBusy."""
    held = select(tables.open_member).where(tables.open_member.c.radio.in_(change.radios))
    for row in conn.execute(held.order_by(tables.open_member.c.radio)).mappings():
        raise RadioBusy(RadioKey(row["radio"]), row["change_id"])
    if change.radios:
        rows = [{"radio": radio, "change_id": change.id} for radio in change.radios]
        conn.execute(insert(tables.open_member), rows)


def unlock_radios(conn: Connection, change_id: str) -> None:
    conn.execute(delete(tables.open_member).where(tables.open_member.c.change_id == change_id))


def add_token(conn: Connection, change: Change, expires: Deadline | int | None) -> None:
    """Stores the token of a change that has one. ``expires`` as an int: UTC microseconds."""
    if change.token_sha256 is None:
        return
    if expires is None:
        raise TypeError("a change with a token needs token_expires")
    if isinstance(expires, int):
        expires = Deadline(utc_us=expires, boot_id="", boottime_us=0)  # by the wall clock alone
    row = {
        "sha256": change.token_sha256,
        "change_id": change.id,
        "expires_utc": expires.utc_us,
        "boot_id": expires.boot_id,
        "expires_boottime_us": expires.boottime_us,
    }
    conn.execute(insert(tables.token), row)


def spend_token(conn: Connection, change_id: str, now: Moment | None, allow_expired: bool) -> None:
    """Uses the token up. Raises TokenSpent, TokenExpired."""
    if now is None:
        raise TypeError("using a token needs now")
    mine = tables.token.c.change_id == change_id
    row = conn.execute(select(tables.token).where(mine)).mappings().first()
    if row is None:
        raise TokenSpent(f"change {change_id} has no token")
    if row["used_utc"] is None and not allow_expired and decoded(token_of, row).expires.passed(now):
        raise TokenExpired(f"the token of change {change_id} has expired")
    unused = (mine, tables.token.c.used_utc.is_(None))
    if conn.execute(update(tables.token).where(*unused).values(used_utc=now.utc_us)).rowcount != 1:
        raise TokenSpent(f"the token of change {change_id} is used")


def return_token(conn: Connection, change_id: str) -> None:
    """The undo that was to use the token touched nothing: the right to undo is still there."""
    mine = tables.token.c.change_id == change_id
    conn.execute(update(tables.token).where(mine).values(used_utc=None))


def released(escalated: Change) -> Change:
    """The change with its radios free again: a person has dealt with it, or the law."""
    return replace(escalated, rev=escalated.rev + 1)


def release(conn: Connection, change: Change) -> Change:
    """Frees the radios of an escalated change; all else in its row stays, whatever the caller has left out.
    Raises StaleChange."""
    if change.state is not State.ESCALATED:
        raise StaleChange(f"change {change.id} is {change.state}, not ESCALATED")
    after = released(change)
    _put(conn, change, {"rev": after.rev})
    unlock_radios(conn, change.id)
    return after


def hold_again(conn: Connection, ended: Change) -> None:
    """The change that was to deal with escalated ones came to nothing: they have their radios again, as far
    as nobody else has."""
    for each in ended.relieves:
        radios = select(tables.change_member.c.radio).where(tables.change_member.c.change_id == each)
        taken = select(tables.open_member.c.radio)
        free = conn.execute(radios.where(tables.change_member.c.radio.not_in(taken))).scalars()
        if rows := [{"radio": radio, "change_id": each} for radio in free]:
            conn.execute(insert(tables.open_member), rows)


def _touched_nothing(before: State, after: State) -> bool:
    """Whether a change ended without a write: radar that was heard before its turn ends it too."""
    never_sent = before in (State.PROPOSED, State.PLANNED) and after is State.SUPERSEDED
    return never_sent or after in (State.FAILED, State.EXPIRED)


def _kept_of(row: Row) -> Change:
    change = change_of(row)
    return change.brief if change.final else change


class Changes(Database):
    """What the store knows of changes."""

    def create(
        self,
        change: Change,
        *,
        records: Sequence[Record],
        token_expires: Deadline | int | None = None,
        spends_token_of: str | None = None,
        releases: Sequence[Change] = (),
        allow_expired: bool = False,
        now: Moment | None = None,
        lease: tuple[str, int] | None = None,
    ) -> Change:
        """The change as stored, with its token, its locks and its records.

        A proposal locks nothing. ``spends_token_of``: the committed change that this one undoes; its token
        is used up in the same transaction (``now`` needed; ``allow_expired``: a person undoes by hand).
        ``releases``: escalated changes that it deals with, whose radios are free for it. ``lease`` (holder,
        epoch): only if that is still in force. Raises RadioBusy, TokenSpent, TokenExpired, LeaseLost,
        StaleChange (one of ``releases``); nothing has changed then.
        """
        with self._write() as conn:
            check_lease(conn, change.site, lease)
            if spends_token_of is not None:
                spend_token(conn, spends_token_of, now, allow_expired)
            for each in releases:
                release(conn, each)
            conn.execute(insert(tables.change), change_row(change))
            members = [{"change_id": change.id, "radio": radio} for radio in change.radios]
            if members:
                conn.execute(insert(tables.change_member), members)
            add_token(conn, change, token_expires)
            if change.state in LIVE and change.state is not State.PROPOSED:
                lock_radios(conn, change)
            queue_records(conn, records)
        return change

    def transition(
        self,
        change: Change,
        trigger: Trigger,
        *,
        records: Sequence[Record],
        use_token: bool = False,
        allow_expired: bool = False,
        now: Moment | None = None,
        token_expires: Deadline | int | None = None,
        lease: tuple[str, int] | None = None,
        **patch: Any,
    ) -> Change:
        """The change after ``trigger``, with the fields of ``patch`` set (see PATCHABLE) and ``rev`` + 1.

        ``use_token``: the token is used up in the same transaction; needs ``now``. ``token_expires`` goes
        with a ``token_sha256`` in the patch (a proposal gets its token when it is approved or started).
        ``lease`` (holder, epoch): only if that is still in force. Raises IllegalTransition, StaleChange,
        RadioBusy (a proposal that is approved), TokenSpent, TokenExpired, LeaseLost; nothing has changed
        then.
        """
        check_patch(patch)
        after = replace(change, state=next_state(change.state, trigger), rev=change.rev + 1, **patch)
        with self._write() as conn:
            check_lease(conn, change.site, lease)
            update_change(conn, change, after)
            if change.token_sha256 != after.token_sha256:
                add_token(conn, after, token_expires)
            if use_token:
                spend_token(conn, change.id, now, allow_expired)
            if after.undo_of is not None and after.has_token and _touched_nothing(change.state, after.state):
                return_token(conn, after.undo_of)
            if change.state is State.PROPOSED and after.state is State.PLANNED:
                lock_radios(conn, after)
            if after.state in FINAL and after.state is not State.ESCALATED:
                unlock_radios(conn, after.id)
            if after.came_to_nothing:
                hold_again(conn, after)
            queue_records(conn, records)
        return after

    def release_escalated(
        self, change: Change, records: Sequence[Record], lease: tuple[str, int] | None = None
    ) -> Change:
        """The escalated change with its radios free again: a person has dealt with it. Raises StaleChange,
        LeaseLost."""
        with self._write() as conn:
            check_lease(conn, change.site, lease)
            after = release(conn, change)
            queue_records(conn, records)
        return after

    def change(self, id: str) -> Change | None:
        return self._one(select(tables.change).where(tables.change.c.id == id), change_of)

    def change_by_token(self, sha256: str) -> Change | None:
        query = select(tables.change).join(tables.token).where(tables.token.c.sha256 == sha256)
        return self._one(query, change_of)

    def open_changes(self, site: str | None = None) -> list[Change]:
        """Changes that are not final, oldest first; proposals are among them."""
        return self._changes(OPEN, site, *BY_TIME)

    def escalated(self, site: str | None = None) -> list[Change]:
        """Escalated changes that still hold their radios, oldest first: a person must act."""
        held = select(tables.open_member.c.change_id)
        query = select(tables.change).where(
            tables.change.c.state == State.ESCALATED.value, tables.change.c.id.in_(held)
        )
        return self._changes(query, site, *BY_TIME)

    def changes(
        self,
        site: str | None = None,
        radio: RadioKey | None = None,
        since_utc_us: int | None = None,
        limit: int = 100,
    ) -> list[Change]:
        """Changes of every state, newest first; ``radio``: those that moved it, as they were made, whatever
        the wall clock said."""
        query = select(tables.change).limit(limit)
        if radio is not None:
            query = query.join(tables.change_member).where(tables.change_member.c.radio == radio)
        if since_utc_us is not None:
            query = query.where(tables.change.c.created_utc >= since_utc_us)
        order = BY_TIME if radio is None else (tables.change.c.nth, *BY_TIME)
        return self._changes(query, site, *(part.desc() for part in order))

    def news(self, site: str, since_utc_us: int, known: Mapping[str, int]) -> list[Change]:
        """The changes of a site that were made since then, and those that say how each radio was left,
        however old they are: its newest that took effect, and the newest that did not. ``known``: id -> rev
        of those that need not be read again. Final ones are brief: of a week of a large site the whole would
        be many MB at once."""
        lately = select(tables.change.c.id, tables.change.c.rev).where(
            tables.change.c.site == site, tables.change.c.created_utc >= since_utc_us
        )
        with self._read() as conn:
            found = {*map(tuple, conn.execute(lately)), *map(tuple, conn.execute(LAST, {"of": site}))}
            new = sorted(id for id, rev in found if known.get(id) != rev)
            rows = (conn.execute(ROW, {"id": id}).mappings().one_or_none() for id in new)
            return [decoded(_kept_of, row) for row in rows if row is not None]

    def changes_about(self, site: str, kind: EventKind, since_utc_us: int) -> list[Change]:
        """Changes for events of this kind that are open, or were cleared since then; oldest first."""
        ended = tables.event.c.cleared_utc
        mine = (tables.event.c.kind == kind.value, or_(ended.is_(None), ended >= since_utc_us))
        events = select(tables.event.c.id).where(tables.event.c.site == site, *mine)
        query = select(tables.change).where(tables.change.c.event_id.in_(events))
        return self._changes(query, site, *BY_TIME)

    def token(self, sha256: str) -> TokenRow | None:
        return self._one(select(tables.token).where(tables.token.c.sha256 == sha256), token_of)

    def _changes(self, query: Select[Any], site: str | None, *order: Any) -> list[Change]:
        if site is not None:
            query = query.where(tables.change.c.site == site)
        return self._all(query.order_by(*order), change_of)

"""A stored change: its row, its radios' locks, its token. Each function is a step of a transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select, update

from agent.change import Change
from agent.moment import Deadline, Moment
from agent.store import tables
from agent.store.errors import RadioBusy, StaleChange, TokenExpired, TokenSpent, decoded
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


def check_patch(patch: Iterable[str]) -> None:
    """Raises TypeError when a field is not one of PATCHABLE."""
    if odd := set(patch) - PATCHABLE:
        raise TypeError(f"a transition cannot set {', '.join(sorted(odd))}")


def update_change(conn: Connection, before: Change, after: Change) -> None:
    """Writes ``after`` where ``before`` still is. Raises StaleChange."""
    same = (tables.change.c.id == before.id, tables.change.c.rev == before.rev)
    seen = (*same, tables.change.c.state == before.state.value)
    if conn.execute(update(tables.change).where(*seen).values(tables.change_row(after))).rowcount != 1:
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
    if row["used_utc"] is None and not allow_expired and decoded(tables.token_of, row).expires.passed(now):
        raise TokenExpired(f"the token of change {change_id} has expired")
    unused = (mine, tables.token.c.used_utc.is_(None))
    if conn.execute(update(tables.token).where(*unused).values(used_utc=now.utc_us)).rowcount != 1:
        raise TokenSpent(f"the token of change {change_id} is used")


def return_token(conn: Connection, change_id: str) -> None:
    """The undo that was to use the token touched nothing: the right to undo is still there."""
    mine = tables.token.c.change_id == change_id
    conn.execute(update(tables.token).where(mine).values(used_utc=None))

"""What the store keeps of radios beside their changes: actions done to them, numbers of their clients."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert

from agent.store.tables import Row, client_hour, deed
from agent.usual import Hour
from drivers.types import Action
from inventory.model import RadioKey


def put_deed(conn: Connection, radio: RadioKey, action: Action, utc_us: int) -> None:
    conn.execute(delete(deed).where(deed.c.radio == radio, deed.c.action == action.value))
    conn.execute(insert(deed).values(radio=radio, action=action.value, utc=utc_us))


def deed_of(row: Row) -> tuple[tuple[RadioKey, Action], int]:
    return (RadioKey(row["radio"]), Action(row["action"])), row["utc"]


def put_hours(conn: Connection, hours: Sequence[Hour], oldest: int) -> None:
    for each in hours:
        same = (client_hour.c.radio == each.radio, client_hour.c.hour == each.hour)
        conn.execute(delete(client_hour).where(*same))
    if hours:
        conn.execute(insert(client_hour), [_hour_row(each) for each in hours])
    conn.execute(delete(client_hour).where(client_hour.c.hour < oldest))


def _hour_row(each: Hour) -> dict[str, object]:
    return {"radio": each.radio, "hour": each.hour, "clients": each.clients}


def hour_of(row: Row) -> Hour:
    return Hour(RadioKey(row["radio"]), row["hour"], row["clients"])

"""What the store keeps of radios beside their changes: actions done to them, numbers of their clients."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from agent.store.database import Database
from agent.store.rows import deed_of, hour_of, hour_row
from agent.store.tables import client_hour, deed
from agent.usual import Hour
from drivers.types import Action
from inventory.model import RadioKey


class Radios(Database):
    """What the agent remembers of its radios."""

    def remember_deed(self, radio: RadioKey, action: Action, utc_us: int) -> None:
        """An action was done to a radio just now."""
        with self._write() as conn:
            conn.execute(delete(deed).where(deed.c.radio == radio, deed.c.action == action.value))
            conn.execute(insert(deed).values(radio=radio, action=action.value, utc=utc_us))

    def deeds(self) -> dict[tuple[RadioKey, Action], int]:
        """When each action was last done to each radio, UTC in µs."""
        return dict(self._all(select(deed), deed_of))

    def keep_hours(self, hours: Sequence[Hour], oldest: int) -> None:
        """Numbers of clients, an hour each; those before ``oldest`` are dropped."""
        with self._write() as conn:
            for each in hours:
                same = (client_hour.c.radio == each.radio, client_hour.c.hour == each.hour)
                conn.execute(delete(client_hour).where(*same))
            if hours:
                conn.execute(insert(client_hour), [hour_row(each) for each in hours])
            conn.execute(delete(client_hour).where(client_hour.c.hour < oldest))

    def hours(self) -> list[Hour]:
        """What `keep_hours` kept, oldest first."""
        return self._all(select(client_hour).order_by(client_hour.c.hour), hour_of)

"""The store's tables."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

change = Table(
    "change",
    metadata,
    Column("id", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("device", String, nullable=False),
    Column("scope", Text, nullable=False),
    Column("edit", Text, nullable=False),
    Column("prior", Text, nullable=False),
    Column("cause", String, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("deadline_utc", BigInteger, nullable=False),
    Column("boot_id", String, nullable=False),
    Column("deadline_boottime_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("event_id", String, index=True),
    Column("undo_of", String, index=True),
    Column("baseline", Text),
    Column("reason", Text, nullable=False),
    Column("silent_s", Float, nullable=False),
    Column("verdict", String),
    Column("attempts", Integer, nullable=False),
    Column("rollback_to", Text),
    Column("extended", Boolean, nullable=False),
    Column("created_utc", BigInteger, nullable=False, index=True),
    Column("acked", Text),
    Column("undo_until", Text),
    Column("token_sha256", String, unique=True),
    Column("rev", Integer, nullable=False),
    Column("nth", BigInteger, nullable=False, server_default="0"),
)

change_member = Table(
    "change_member",
    metadata,
    Column("change_id", ForeignKey("change.id"), primary_key=True),
    Column("radio", String, primary_key=True, index=True),
)
"""Every radio that a change ever moved: what budgets are counted by."""

open_member = Table(
    "open_member",
    metadata,
    Column("radio", String, primary_key=True),
    Column("change_id", ForeignKey("change.id"), nullable=False, index=True),
)

token = Table(
    "token",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("change_id", ForeignKey("change.id"), nullable=False, unique=True),
    Column("expires_utc", BigInteger, nullable=False),
    Column("boot_id", String, nullable=False),
    Column("expires_boottime_us", BigInteger, nullable=False),
    Column("used_utc", BigInteger),
)

nop = Table(
    "nop",
    metadata,
    Column("site", String, primary_key=True),
    Column("mhz20", Integer, primary_key=True),
    Column("by_radio", String, primary_key=True),
    Column("until_utc", BigInteger, nullable=False),
    Column("boot_id", String, nullable=False),
    Column("until_boottime_us", BigInteger, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("radio", String),
    Column("severity", String, nullable=False),
    Column("confidence_ppm", Integer, nullable=False),
    Column("raised_utc", BigInteger, nullable=False, index=True),
    Column("cleared_utc", BigInteger, index=True),
    Column("drill", Boolean, nullable=False),
    Column("evidence", Text, nullable=False),
)
_STILL_OPEN = event.c.cleared_utc.is_(None)
Index(
    "event_open",
    event.c.site,
    event.c.kind,
    event.c.key,
    unique=True,
    sqlite_where=_STILL_OPEN,
    postgresql_where=_STILL_OPEN,
)

pause = Table(
    "pause",
    metadata,
    Column("scope", String, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("since_utc", BigInteger, nullable=False),
    Column("until", Text),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("record", Text, nullable=False),
    Column("mac", String),
    Column("file", String),
)
_UNWRITTEN = outbox.c.mac.is_(None)
Index("outbox_unwritten", outbox.c.seq, sqlite_where=_UNWRITTEN, postgresql_where=_UNWRITTEN)

deed = Table(
    "deed",
    metadata,
    Column("radio", String, primary_key=True),
    Column("action", String, primary_key=True),
    Column("utc", BigInteger, nullable=False),
)
"""When an action, which has no undo, was last done to a radio."""

client_hour = Table(
    "client_hour",
    metadata,
    Column("radio", String, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("clients", Integer, nullable=False),
)
"""The mean number of clients of a radio in one hour (since 1970)."""

lease = Table(
    "lease",
    metadata,
    Column("site", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until_utc", BigInteger, nullable=False),
)

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

"""What rrmd began with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _change()
    _radios_and_token()
    _events()
    _rest()


def _change() -> None:
    op.create_table(
        "change",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("site", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("edit", sa.Text, nullable=False),
        sa.Column("prior", sa.Text, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("deadline_utc", sa.BigInteger, nullable=False),
        sa.Column("boot_id", sa.String, nullable=False),
        sa.Column("deadline_boottime_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("drill", sa.Boolean, nullable=False),
        sa.Column("event_id", sa.String),
        sa.Column("undo_of", sa.String),
        sa.Column("baseline", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("silent_s", sa.Float, nullable=False),
        sa.Column("verdict", sa.String),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("rollback_to", sa.Text),
        sa.Column("extended", sa.Boolean, nullable=False),
        sa.Column("created_utc", sa.BigInteger, nullable=False),
        sa.Column("acked", sa.Text),
        sa.Column("token_sha256", sa.String, unique=True),
        sa.Column("rev", sa.Integer, nullable=False),
    )
    op.create_index("ix_change_state", "change", ["state"])
    op.create_index("ix_change_created_utc", "change", ["created_utc"])


def _radios_and_token() -> None:
    op.create_table(
        "change_member",
        sa.Column("change_id", sa.String, sa.ForeignKey("change.id"), primary_key=True),
        sa.Column("radio", sa.String, primary_key=True),
    )
    op.create_index("ix_change_member_radio", "change_member", ["radio"])
    op.create_table(
        "open_member",
        sa.Column("radio", sa.String, primary_key=True),
        sa.Column("change_id", sa.String, sa.ForeignKey("change.id"), nullable=False),
    )
    op.create_index("ix_open_member_change_id", "open_member", ["change_id"])
    op.create_table(
        "token",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("change_id", sa.String, sa.ForeignKey("change.id"), nullable=False, unique=True),
        sa.Column("expires_utc", sa.BigInteger, nullable=False),
        sa.Column("boot_id", sa.String, nullable=False),
        sa.Column("expires_boottime_us", sa.BigInteger, nullable=False),
        sa.Column("used_utc", sa.BigInteger),
    )


def _events() -> None:
    op.create_table(
        "nop",
        sa.Column("site", sa.String, primary_key=True),
        sa.Column("mhz20", sa.Integer, primary_key=True),
        sa.Column("by_radio", sa.String, primary_key=True),
        sa.Column("until_utc", sa.BigInteger, nullable=False),
        sa.Column("boot_id", sa.String, nullable=False),
        sa.Column("until_boottime_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("site", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("radio", sa.String),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("confidence_ppm", sa.Integer, nullable=False),
        sa.Column("raised_utc", sa.BigInteger, nullable=False),
        sa.Column("cleared_utc", sa.BigInteger),
        sa.Column("drill", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
    )
    op.create_index("ix_event_raised_utc", "event", ["raised_utc"])
    still_open = sa.text("cleared_utc IS NULL")
    op.create_index(
        "event_open",
        "event",
        ["site", "kind", "key"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "pause",
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("since_utc", sa.BigInteger, nullable=False),
        sa.Column("until_utc", sa.BigInteger),
    )


def _rest() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("mac", sa.String),
        sa.Column("file", sa.String),
    )
    unwritten = sa.text("mac IS NULL")
    op.create_index("outbox_unwritten", "outbox", ["seq"], sqlite_where=unwritten, postgresql_where=unwritten)
    op.create_table(
        "lease",
        sa.Column("site", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("until_utc", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )

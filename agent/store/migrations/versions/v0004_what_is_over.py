"""What finds a change's event and its undo, so that old ones can be dropped."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_change_event_id", "change", ["event_id"])
    op.create_index("ix_change_undo_of", "change", ["undo_of"])
    op.create_index("ix_event_cleared_utc", "event", ["cleared_utc"])

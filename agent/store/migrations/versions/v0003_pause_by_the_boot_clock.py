"""A pause ends by the boot clock, so that a wall clock that jumps ends none."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A pause that was set before ends by the wall clock alone, as it was told."""
    bind = op.get_bind()
    if "until" in {column["name"] for column in sa.inspect(bind).get_columns("pause")}:
        return
    op.add_column("pause", sa.Column("until", sa.Text))
    ends = sa.text("SELECT scope, until_utc FROM pause WHERE until_utc IS NOT NULL")
    for scope, utc_us in bind.execute(ends).all():
        until = json.dumps({"utc_us": utc_us, "boot_id": "", "boottime_us": 0}, separators=(",", ":"))
        bind.execute(
            sa.text("UPDATE pause SET until = :until WHERE scope = :scope"), {"until": until, "scope": scope}
        )
    op.drop_column("pause", "until_utc")

"""When a device's own undo timer fires; deeds; how many clients a radio usually has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Files of this time may have some of it: a table was made by whichever rrmd first missed it."""
    known = sa.inspect(op.get_bind())
    if "undo_until" not in {column["name"] for column in known.get_columns("change")}:
        op.add_column("change", sa.Column("undo_until", sa.Text))
    if not known.has_table("deed"):
        op.create_table(
            "deed",
            sa.Column("radio", sa.String, primary_key=True),
            sa.Column("action", sa.String, primary_key=True),
            sa.Column("utc", sa.BigInteger, nullable=False),
        )
    if not known.has_table("client_hour"):
        op.create_table(
            "client_hour",
            sa.Column("radio", sa.String, primary_key=True),
            sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("clients", sa.Integer, nullable=False),
        )

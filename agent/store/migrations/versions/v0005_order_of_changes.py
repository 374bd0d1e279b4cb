"""The order that changes were made in, whatever the wall clock said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("change", sa.Column("nth", sa.BigInteger, nullable=False, server_default="0"))

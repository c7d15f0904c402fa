"""The table of enrolled keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.llm.byok.enrolment.table import exact

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "pointsman_enrolled_keys",
        sa.Column("user_id", exact(255), primary_key=True),
        sa.Column("provider", exact(255), primary_key=True),
        sa.Column("pepper", exact(64), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
    )


def downgrade() -> None:
    """Drop the table: every user has to enrol again."""
    op.drop_table("pointsman_enrolled_keys")

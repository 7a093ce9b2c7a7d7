"""The next contact that was agreed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("next_contact_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("contact", "next_contact_on")

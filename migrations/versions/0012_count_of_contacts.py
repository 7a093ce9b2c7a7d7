"""Count somebody's contacts without reading them"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_contact_referral_id_attendance", "contact", ["referral_id", "attendance"])


def downgrade() -> None:
    op.drop_index("ix_contact_referral_id_attendance", "contact")

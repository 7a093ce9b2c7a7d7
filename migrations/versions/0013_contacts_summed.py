"""Keep a referral's contacts summed up, for lists"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "referral_contacts",
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("last_contact_on", sa.Date(), nullable=False),
        sa.Column("next_contact_on", sa.Date(), nullable=True),
        sa.Column("attended", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_referral_contacts_referral_id_referral")
        ),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_referral_contacts")),
    )
    op.execute(
        """
        INSERT INTO referral_contacts (referral_id, last_contact_on, next_contact_on, attended)
        SELECT referral_id, last_on, (
            SELECT next_contact_on FROM contact
            WHERE contact.referral_id = summed.referral_id AND contacted_on = last_on AND next_contact_on IS NOT NULL
            ORDER BY contact.recorded_at DESC LIMIT 1
        ), attended
        FROM (
            SELECT referral_id, max(contacted_on) AS last_on,
                   sum(CASE WHEN attendance = 'attended' THEN 1 ELSE 0 END) AS attended
            FROM contact GROUP BY referral_id
        ) AS summed
        """
    )
    op.drop_index("ix_contact_referral_id_attendance", "contact")


def downgrade() -> None:
    op.create_index("ix_contact_referral_id_attendance", "contact", ["referral_id", "attendance"])
    op.drop_table("referral_contacts")

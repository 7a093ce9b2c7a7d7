"""Drafts: answers given so far"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("instrument", sa.String(length=40), nullable=False),
        sa.Column("instrument_version", sa.String(length=40), nullable=False),
        sa.Column("timepoint", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_draft_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_draft_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
    )
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.create_index("uq_draft_occasion", ["person_id", "instrument", "timepoint"], unique=True)

    op.create_table(
        "draft_response",
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("missing_reason", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "missing_reason IN ('not-answered', 'prefer-not-to-say', 'not-reached', 'too-unwell', 'died', 'not-asked', 'other')",
            name=op.f("ck_draft_response_missing_reason_is_known"),
        ),
        sa.CheckConstraint(
            "(value IS NULL) = (missing_reason IS NOT NULL)", name=op.f("ck_draft_response_value_or_reason")
        ),
        sa.ForeignKeyConstraint(["draft_id"], ["draft.id"], name=op.f("fk_draft_response_draft_id_draft")),
        sa.PrimaryKeyConstraint("draft_id", "item", name=op.f("pk_draft_response")),
    )


def downgrade() -> None:
    op.drop_table("draft_response")
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.drop_index("uq_draft_occasion")

    op.drop_table("draft")

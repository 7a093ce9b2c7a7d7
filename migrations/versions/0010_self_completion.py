"""Self-completion: what a person answers alone, by a link or on the worker's device"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "self_completion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("timepoint", sa.String(length=40), nullable=False),
        sa.Column("way", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("valid_until", MOMENT, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=True),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("way IN ('link', 'device')", name=op.f("ck_self_completion_way_is_known")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_self_completion_ended_at_with_by")),
        sa.CheckConstraint(
            "(opened_at IS NULL) = (seen_at IS NULL)", name=op.f("ck_self_completion_opened_at_with_seen_at")
        ),
        sa.CheckConstraint(
            "finished_at IS NULL OR ended_at IS NULL", name=op.f("ck_self_completion_finished_or_ended")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_self_completion_person_id_person")),
        sa.ForeignKeyConstraint(["ended_by"], ["user.id"], name=op.f("fk_self_completion_ended_by_user")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_self_completion_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_completion")),
        sa.UniqueConstraint("digest", name=op.f("uq_self_completion_digest")),
    )
    with op.batch_alter_table("self_completion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_self_completion_person_id"), ["person_id"], unique=False)
    op.create_table(
        "self_completion_part",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("self_completion_id", sa.Uuid(), nullable=False),
        sa.Column("instrument", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["self_completion_id"],
            ["self_completion.id"],
            name=op.f("fk_self_completion_part_self_completion_id_self_completion"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_completion_part")),
        sa.UniqueConstraint(
            "self_completion_id", "instrument", name=op.f("uq_self_completion_part_self_completion_id_instrument")
        ),
        sa.UniqueConstraint(
            "self_completion_id", "number", name=op.f("uq_self_completion_part_self_completion_id_number")
        ),
    )


def downgrade() -> None:
    op.drop_table("self_completion_part")
    with op.batch_alter_table("self_completion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_self_completion_person_id"))

    op.drop_table("self_completion")

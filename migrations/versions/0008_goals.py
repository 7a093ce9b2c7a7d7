"""Goals, and how close people come to them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def recorded() -> list[sa.Column]:
    return [
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "goal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.String(length=400), nullable=False),
        sa.Column("set_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        *recorded(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'reached', 'let-go')", name=op.f("ck_goal_status_is_known")),
        sa.CheckConstraint("(status = 'open') = (ended_on IS NULL)", name=op.f("ck_goal_ended_on_with_status")),
        sa.CheckConstraint("ended_on IS NULL OR ended_on >= set_on", name=op.f("ck_goal_ended_on_not_before_set_on")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_goal_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_goal_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goal")),
    )
    op.create_index(op.f("ix_goal_person_id"), "goal", ["person_id"], unique=False)
    op.create_table(
        "goal_progress",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("noted_on", sa.Date(), nullable=False),
        sa.Column("closeness", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=True),
        *recorded(),
        sa.CheckConstraint("closeness BETWEEN 0 AND 10", name=op.f("ck_goal_progress_closeness_range")),
        sa.ForeignKeyConstraint(["goal_id"], ["goal.id"], name=op.f("fk_goal_progress_goal_id_goal")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_goal_progress_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goal_progress")),
        sa.UniqueConstraint("goal_id", "noted_on", name=op.f("uq_goal_progress_goal_id_noted_on")),
    )


def downgrade() -> None:
    op.drop_table("goal_progress")
    op.drop_index(op.f("ix_goal_person_id"), table_name="goal")
    op.drop_table("goal")

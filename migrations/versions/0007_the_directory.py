"""The directory: contact details, capacity, what is reported wrong; and when to ask again what came of a signpost"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RESOURCE = (
    ("open_referral_id", sa.String(length=100)),
    ("eligibility", sa.Text()),
    ("opening_times", sa.Text()),
    ("phone", sa.String(length=40)),
    ("email", sa.String(length=254)),
    ("website", sa.String(length=500)),
    ("address", sa.String(length=200)),
    ("town", sa.String(length=100)),
    ("postcode", sa.String(length=10)),
    ("changed_at", sa.DateTime(timezone=True)),
    ("changed_by", sa.Uuid()),
)
SIGNPOST = (
    ("ask_again_on", sa.Date()),
    ("answered_at", sa.DateTime(timezone=True)),
    ("answered_by", sa.Uuid()),
)


def upgrade() -> None:
    with op.batch_alter_table("resource", schema=None) as batch_op:
        for name, kind in RESOURCE:
            batch_op.add_column(sa.Column(name, kind, nullable=True))
        batch_op.add_column(sa.Column("capacity", sa.String(length=40), nullable=False, server_default="open"))
        batch_op.create_check_constraint(
            op.f("ck_resource_capacity_is_known"), "capacity IN ('open', 'full', 'closed')"
        )
        batch_op.create_check_constraint(
            op.f("ck_resource_changed_at_with_by"), "(changed_at IS NULL) = (changed_by IS NULL)"
        )
        batch_op.create_foreign_key(op.f("fk_resource_changed_by_user"), "user", ["changed_by"], ["id"])
        batch_op.create_unique_constraint(
            op.f("uq_resource_study_id_open_referral_id"), ["study_id", "open_referral_id"]
        )
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.alter_column(
            "capacity", existing_type=sa.String(length=40), existing_nullable=False, server_default=None
        )
    with op.batch_alter_table("signpost", schema=None) as batch_op:
        for name, kind in SIGNPOST:
            batch_op.add_column(sa.Column(name, kind, nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_signpost_answered_at_with_by"), "(answered_at IS NULL) = (answered_by IS NULL)"
        )
        batch_op.create_foreign_key(op.f("fk_signpost_answered_by_user"), "user", ["answered_by"], ["id"])
    op.create_table(
        "fault_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (settled_by IS NULL)", name=op.f("ck_fault_report_settled_at_with_by")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_fault_report_recorded_by_user")),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_fault_report_resource_id_resource")),
        sa.ForeignKeyConstraint(["settled_by"], ["user.id"], name=op.f("fk_fault_report_settled_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fault_report")),
    )
    with op.batch_alter_table("fault_report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fault_report_resource_id"), ["resource_id"], unique=False)


def downgrade() -> None:
    op.drop_table("fault_report")
    with op.batch_alter_table("signpost", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_signpost_answered_by_user"), type_="foreignkey")
        batch_op.drop_constraint(op.f("ck_signpost_answered_at_with_by"), type_="check")
        for name, _ in reversed(SIGNPOST):
            batch_op.drop_column(name)
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_resource_study_id_open_referral_id"), type_="unique")
        batch_op.drop_constraint(op.f("fk_resource_changed_by_user"), type_="foreignkey")
        batch_op.drop_constraint(op.f("ck_resource_changed_at_with_by"), type_="check")
        batch_op.drop_constraint(op.f("ck_resource_capacity_is_known"), type_="check")
        batch_op.drop_column("capacity")
        for name, _ in reversed(RESOURCE):
            batch_op.drop_column(name)

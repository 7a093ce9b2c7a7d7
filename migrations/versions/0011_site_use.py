"""What everybody at a site used over a period, by import"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site_use",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("setting", sa.String(length=40), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("person_years", sa.Double(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "setting IN ('gp', 'gp-surgery', 'gp-phone', 'gp-home', 'nurse', 'emergency', 'out-patient', 'in-patient', 'in-patient-nights', 'link-worker')",
            name=op.f("ck_site_use_setting_is_known"),
        ),
        sa.CheckConstraint("count >= 0", name=op.f("ck_site_use_count_range")),
        sa.CheckConstraint("person_years >= 0", name=op.f("ck_site_use_person_years_range")),
        sa.CheckConstraint("until_on > from_on", name=op.f("ck_site_use_period_not_empty")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_use_site_id_site")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_site_use_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_use")),
        sa.UniqueConstraint("site_id", "setting", "from_on", name=op.f("uq_site_use_site_id_setting_from_on")),
    )


def downgrade() -> None:
    op.drop_table("site_use")

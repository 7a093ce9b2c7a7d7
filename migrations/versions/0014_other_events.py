"""Count events that are no service use"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BEFORE = "setting IN ('gp', 'gp-surgery', 'gp-phone', 'gp-home', 'nurse', 'emergency', 'out-patient', 'in-patient', 'in-patient-nights', 'link-worker')"
NOW = BEFORE.replace("'link-worker')", "'link-worker', 'other')")
TABLES = ("service_use", "site_use")


def upgrade() -> None:
    for table in TABLES:
        _allow(table, NOW)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DELETE FROM {table} WHERE setting = 'other'")
        _allow(table, BEFORE)


def _allow(table: str, settings: str) -> None:
    name = op.f(f"ck_{table}_setting_is_known")
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, settings)

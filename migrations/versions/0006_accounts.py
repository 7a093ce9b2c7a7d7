"""Second factors, invitations, text size"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Written out, because SQLite adds a column with its check in one statement, and would otherwise copy the table that
# nearly every other one refers to.
TEXT_SIZE = """
ALTER TABLE "user" ADD COLUMN text_size VARCHAR(40) DEFAULT 'normal' NOT NULL
CONSTRAINT ck_user_text_size_is_known CHECK (text_size IN ('normal', 'large', 'larger'))
"""


def recorded() -> list[sa.Column]:
    """Who wrote the row down, and when."""
    return [
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
    ]


def belongs_to_a_user(table: str, *others: str) -> list[sa.ForeignKeyConstraint]:
    names = ("user_id", "recorded_by", *others)
    return [sa.ForeignKeyConstraint([name], ["user.id"], name=op.f(f"fk_{table}_{name}_user")) for name in names]


def upgrade() -> None:
    op.execute(TEXT_SIZE)
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.add_column(sa.Column("method", sa.String(length=40), nullable=False, server_default="password"))
        batch_op.add_column(sa.Column("device", sa.String(length=60), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_sign_in_method_is_known"), "method IN ('password', 'code', 'recovery-code', 'passkey')"
        )

    op.create_table(
        "authenticator",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.String(length=400), nullable=False),
        sa.Column("last_counter", sa.BigInteger(), nullable=True),
        *recorded(),
        *belongs_to_a_user("authenticator"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authenticator")),
        sa.UniqueConstraint("user_id", name=op.f("uq_authenticator_user_id")),
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        *recorded(),
        *belongs_to_a_user("passkey"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_passkey_user_id_name")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        *recorded(),
        *belongs_to_a_user("recovery_code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("user_id", "digest", name=op.f("uq_recovery_code_user_id_digest")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        *recorded(),
        *belongs_to_a_user("invitation", "ended_by"),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_invitation_ended_at_with_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitation_digest")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_user_id"))

    op.drop_table("invitation")
    op.drop_table("recovery_code")
    op.drop_table("passkey")
    op.drop_table("authenticator")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_sign_in_method_is_known"), type_="check")
        batch_op.drop_column("device")
        batch_op.drop_column("method")

    op.execute('ALTER TABLE "user" DROP COLUMN text_size')

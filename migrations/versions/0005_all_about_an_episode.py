"""All about an episode: needs and conditions, attempts and reasons, reopenings, safety flags"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NEEDS = "'loneliness', 'mental-wellbeing', 'long-term-condition', 'healthy-living', 'money', 'housing', 'employment', 'caring', 'bereavement', 'relationships', 'domestic-abuse', 'drugs-and-alcohol', 'food', 'digital', 'transport', 'legal', 'volunteering', 'other'"
CONDITIONS = "'coronary-heart-disease', 'heart-failure', 'arrhythmia', 'hypertension', 'stroke', 'peripheral-artery-disease', 'diabetes', 'thyroid-disorder', 'asthma', 'copd', 'parkinsons', 'epilepsy', 'multiple-sclerosis', 'paralysis', 'chronic-pain', 'cancer', 'dementia', 'schizophrenia', 'bipolar', 'depression', 'anxiety', 'ptsd', 'drug-or-alcohol-misuse', 'eating-disorder', 'autism', 'connective-tissue-disease', 'osteoarthritis', 'osteoporosis', 'gout', 'liver-disease', 'inflammatory-bowel-disease', 'kidney-disease', 'endometriosis', 'anaemia', 'vision-impairment', 'hearing-impairment', 'hiv', 'long-covid', 'other'"
ANSWER_REASONS = "'not-wanted', 'has-support', 'not-now', 'too-unwell', 'not-suitable', 'no-answer', 'wrong-details', 'moved', 'died', 'other'"
CLOSURE_REASONS = "'completed', 'disengaged', 'moved', 'died', 'referred-on', 'other'"
SAFETY_KINDS = "'not-alone', 'address', 'animal', 'violence', 'messages', 'other'"


def recorded() -> list[sa.Column]:
    return [
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
    ]


def check(text: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(text, name=op.f(name))


def upgrade() -> None:
    # Each column brings its own checks: SQLite can add those without rebuilding a table that others refer to.
    op.add_column(
        "referral",
        sa.Column(
            "answer_reason",
            sa.String(length=40),
            check(f"answer_reason IN ({ANSWER_REASONS})", "ck_referral_answer_reason_is_known"),
            check(
                "answer_reason IS NULL OR status IN ('declined', 'unreachable')",
                "ck_referral_answer_reason_of_a_refusal",
            ),
            nullable=True,
        ),
    )
    op.add_column(
        "referral",
        sa.Column(
            "attempts", sa.Integer(), check("attempts BETWEEN 0 AND 50", "ck_referral_attempts_range"), nullable=True
        ),
    )
    op.add_column(
        "referral",
        sa.Column(
            "tried_on",
            sa.Date(),
            check("tried_on IS NULL OR tried_on >= referred_on", "ck_referral_tried_on_not_before_referred_on"),
            nullable=True,
        ),
    )
    op.create_table(
        "condition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("condition", sa.String(length=40), nullable=False),
        *recorded(),
        check(f"condition IN ({CONDITIONS})", "ck_condition_condition_is_known"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_condition_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_condition_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_condition")),
        sa.UniqueConstraint("person_id", "condition", name=op.f("uq_condition_person_id_condition")),
    )
    op.create_table(
        "need",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(length=40), nullable=False),
        *recorded(),
        check(f"need IN ({NEEDS})", "ck_need_need_is_known"),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_need_recorded_by_user")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_need_referral_id_referral")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need")),
        sa.UniqueConstraint("referral_id", "need", name=op.f("uq_need_referral_id_need")),
    )
    op.create_table(
        "reopening",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=False),
        sa.Column("closure_reason", sa.String(length=40), nullable=False),
        sa.Column("reopened_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        *recorded(),
        check(f"closure_reason IN ({CLOSURE_REASONS})", "ck_reopening_closure_reason_is_known"),
        check("reopened_on IS NULL OR reopened_on >= closed_on", "ck_reopening_reopened_on_not_before_closed_on"),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_reopening_recorded_by_user")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_reopening_referral_id_referral")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reopening")),
    )
    with op.batch_alter_table("reopening", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reopening_referral_id"), ["referral_id"], unique=False)
    op.create_table(
        "safety_flag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_reason", sa.String(length=400), nullable=True),
        *recorded(),
        sa.Column("version", sa.Integer(), nullable=False),
        check(f"kind IN ({SAFETY_KINDS})", "ck_safety_flag_kind_is_known"),
        check("kind <> 'other' OR note IS NOT NULL", "ck_safety_flag_other_says_what"),
        check("(ended_at IS NULL) = (ended_by IS NULL)", "ck_safety_flag_ended_at_with_by"),
        check("(ended_at IS NULL) = (ended_reason IS NULL)", "ck_safety_flag_ended_at_with_reason"),
        sa.ForeignKeyConstraint(["ended_by"], ["user.id"], name=op.f("fk_safety_flag_ended_by_user")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_safety_flag_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_safety_flag_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_flag")),
    )
    with op.batch_alter_table("safety_flag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_safety_flag_person_id"), ["person_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("safety_flag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_safety_flag_person_id"))
    op.drop_table("safety_flag")
    with op.batch_alter_table("reopening", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reopening_referral_id"))
    op.drop_table("reopening")
    op.drop_table("need")
    op.drop_table("condition")
    for column in ("tried_on", "attempts", "answer_reason"):
        op.drop_column("referral", column)

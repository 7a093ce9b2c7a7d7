"""The first records"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


SQLITE_REFUSAL = """
CREATE TRIGGER audit_event_refuses_{verb} BEFORE {verb} ON audit_event
BEGIN SELECT RAISE(ABORT, 'audit_event: rows are only ever added'); END
"""
POSTGRES_REFUSAL = """
CREATE FUNCTION audit_event_refusal() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_event: rows are only ever added'; END $$
"""
POSTGRES_TRIGGER = """
CREATE TRIGGER audit_event_refuses_{name} BEFORE {verb} ON audit_event
FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refusal()
"""


def refuse_changes_to_the_trail() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(SQLITE_REFUSAL.format(verb=verb))
        return
    op.execute(POSTGRES_REFUSAL)
    for verb in ("UPDATE", "DELETE", "TRUNCATE"):
        op.execute(POSTGRES_TRIGGER.format(name=verb.lower(), verb=verb))


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("table_name", sa.String(length=60), nullable=False),
        sa.Column("record_id", sa.String(length=40), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_event_hash")),
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failure")),
    )
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_failure_digest_failed_at", ["digest", "failed_at"], unique=False)

    op.create_table(
        "user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_user_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_user_fs_uniquifier")),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_sign_in_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_user_id"), ["user_id"], unique=False)

    op.create_table(
        "site",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("ods_code", sa.String(length=10), nullable=True),
        sa.Column("list_size", sa.Integer(), nullable=True),
        sa.Column("deprivation", sa.Integer(), nullable=True),
        sa.Column("deprivation_index", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "deprivation_index IN ('imd2019-decile', 'imd2019-quintile', 'imd2025-decile', 'imd2025-quintile', 'other')",
            name=op.f("ck_site_deprivation_index_is_known"),
        ),
        sa.CheckConstraint("deprivation BETWEEN 1 AND 10", name=op.f("ck_site_deprivation_range")),
        sa.CheckConstraint("list_size >= 0", name=op.f("ck_site_list_size_range")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_site_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("slug", name=op.f("uq_site_slug")),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("design", sa.String(length=40), nullable=False),
        sa.Column("plan_text", sa.Text(), nullable=False),
        sa.Column("plan_sha256", sa.String(length=64), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locked_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "design IN ('controlled-before-after', 'cluster-randomised', 'individually-randomised', 'stepped-wedge', 'service-only')",
            name=op.f("ck_study_design_is_known"),
        ),
        sa.CheckConstraint("(locked_at IS NULL) = (locked_by IS NULL)", name=op.f("ck_study_locked_at_with_by")),
        sa.ForeignKeyConstraint(["locked_by"], ["user.id"], name=op.f("fk_study_locked_by_user")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_study_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("slug", name=op.f("uq_study_slug")),
    )
    op.create_table(
        "arm",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("role IN ('intervention', 'comparison')", name=op.f("ck_arm_role_is_known")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_arm_recorded_by_user")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_arm_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arm")),
        sa.UniqueConstraint("study_id", "slug", name=op.f("uq_arm_study_id_slug")),
    )
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("role = 'administrator' OR study_id IS NOT NULL", name=op.f("ck_membership_study_named")),
        sa.CheckConstraint(
            "role IN ('link-worker', 'outcome-assessor', 'supervisor', 'evaluator', 'administrator')",
            name=op.f("ck_membership_role_is_known"),
        ),
        sa.CheckConstraint(
            "role NOT IN ('link-worker', 'outcome-assessor', 'supervisor') OR site_id IS NOT NULL",
            name=op.f("ck_membership_site_named"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_membership_ended_at_with_by")),
        sa.ForeignKeyConstraint(["ended_by"], ["user.id"], name=op.f("fk_membership_ended_by_user")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_membership_recorded_by_user")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_membership_site_id_site")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_membership_study_id_study")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_membership_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_membership_study_id"), ["study_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_membership_user_id"), ["user_id"], unique=False)

    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("study_number", sa.String(length=40), nullable=False),
        sa.Column("entered_on", sa.Date(), nullable=False),
        sa.Column("sex", sa.String(length=40), nullable=True),
        sa.Column("birth_year", sa.Integer(), nullable=True),
        sa.Column("ethnicity", sa.String(length=40), nullable=True),
        sa.Column("deprivation", sa.Integer(), nullable=True),
        sa.Column("deprivation_index", sa.String(length=40), nullable=True),
        sa.Column("lives_alone", sa.Boolean(), nullable=True),
        sa.Column("carer", sa.Boolean(), nullable=True),
        sa.Column("ltc_count", sa.Integer(), nullable=True),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("left_reason", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "deprivation_index IN ('imd2019-decile', 'imd2019-quintile', 'imd2025-decile', 'imd2025-quintile', 'other')",
            name=op.f("ck_person_deprivation_index_is_known"),
        ),
        sa.CheckConstraint(
            "ethnicity IN ('asian', 'black', 'mixed', 'white', 'other', 'not-stated')",
            name=op.f("ck_person_ethnicity_is_known"),
        ),
        sa.CheckConstraint(
            "left_reason IN ('died', 'moved', 'withdrew', 'lost', 'other')", name=op.f("ck_person_left_reason_is_known")
        ),
        sa.CheckConstraint("sex IN ('female', 'male', 'other', 'unknown')", name=op.f("ck_person_sex_is_known")),
        sa.CheckConstraint("birth_year BETWEEN 1890 AND 2100", name=op.f("ck_person_birth_year_range")),
        sa.CheckConstraint("deprivation BETWEEN 1 AND 10", name=op.f("ck_person_deprivation_range")),
        sa.CheckConstraint(
            "left_on IS NULL OR left_on >= entered_on", name=op.f("ck_person_left_on_not_before_entered_on")
        ),
        sa.CheckConstraint("ltc_count BETWEEN 0 AND 40", name=op.f("ck_person_ltc_count_range")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_person_recorded_by_user")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_person_site_id_site")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_person_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("study_id", "study_number", name=op.f("uq_person_study_id_study_number")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index("ix_person_site_id_study_id", ["site_id", "study_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_study_id"), ["study_id"], unique=False)

    op.create_table(
        "post",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("fte", sa.Double(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("fte > 0 AND fte <= 2", name=op.f("ck_post_fte_range")),
        sa.CheckConstraint("until_on IS NULL OR until_on >= from_on", name=op.f("ck_post_until_on_not_before_from_on")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_post_recorded_by_user")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_post_site_id_site")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_post_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
        sa.UniqueConstraint("user_id", "site_id", "from_on", name=op.f("uq_post_user_id_site_id_from_on")),
    )
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_post_site_id"), ["site_id"], unique=False)

    op.create_table(
        "resource",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=True),
        sa.Column("area", sa.String(length=100), nullable=True),
        sa.Column("cost", sa.String(length=100), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "category IN ('counselling', 'social-group', 'arts-and-craft', 'exercise', 'addiction-support', 'welfare-and-debt', 'employment', 'housing', 'volunteering', 'learning', 'nature', 'digital', 'carers', 'other')",
            name=op.f("ck_resource_category_is_known"),
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_resource_recorded_by_user")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_resource_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
    )
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_resource_study_id"), ["study_id"], unique=False)

    op.create_table(
        "allocation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("arm_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "method IN ('geography', 'volunteered', 'commissioned', 'randomised', 'other')",
            name=op.f("ck_allocation_method_is_known"),
        ),
        sa.CheckConstraint("(site_id IS NULL) <> (person_id IS NULL)", name=op.f("ck_allocation_site_or_person")),
        sa.ForeignKeyConstraint(["arm_id"], ["arm.id"], name=op.f("fk_allocation_arm_id_arm")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_allocation_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_allocation_recorded_by_user")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_allocation_site_id_site")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_allocation_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocation")),
    )
    with op.batch_alter_table("allocation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_allocation_arm_id"), ["arm_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_allocation_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_allocation_site_id"), ["site_id"], unique=False)
        batch_op.create_index("uq_allocation_person", ["study_id", "person_id", "from_on"], unique=True)
        batch_op.create_index("uq_allocation_site", ["study_id", "site_id", "from_on"], unique=True)

    op.create_table(
        "assessment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_key", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("instrument", sa.String(length=40), nullable=False),
        sa.Column("instrument_version", sa.String(length=40), nullable=False),
        sa.Column("timepoint", sa.String(length=40), nullable=False),
        sa.Column("assessed_on", sa.Date(), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("respondent", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("missing_reason", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "missing_reason IN ('not-answered', 'prefer-not-to-say', 'not-reached', 'too-unwell', 'died', 'not-asked', 'other')",
            name=op.f("ck_assessment_missing_reason_is_known"),
        ),
        sa.CheckConstraint(
            "mode IN ('in-person', 'telephone', 'video', 'paper', 'online', 'import')",
            name=op.f("ck_assessment_mode_is_known"),
        ),
        sa.CheckConstraint(
            "respondent IN ('self', 'interviewer', 'proxy')", name=op.f("ck_assessment_respondent_is_known")
        ),
        sa.CheckConstraint(
            "status IN ('complete', 'partial', 'declined', 'missed')", name=op.f("ck_assessment_status_is_known")
        ),
        sa.CheckConstraint(
            "status NOT IN ('missed', 'declined') OR missing_reason IS NOT NULL",
            name=op.f("ck_assessment_missed_with_reason"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_assessment_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_assessment_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.UniqueConstraint("client_key", name=op.f("uq_assessment_client_key")),
    )
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.create_index("uq_assessment_occasion", ["person_id", "instrument", "timepoint"], unique=True)

    op.create_table(
        "characteristic",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_characteristic_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_characteristic_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_characteristic")),
        sa.UniqueConstraint("person_id", "name", name=op.f("uq_characteristic_person_id_name")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("form_version", sa.String(length=40), nullable=True),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("on_withdrawal", sa.String(length=40), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('service', 'research', 'linkage', 'contact')", name=op.f("ck_consent_kind_is_known")
        ),
        sa.CheckConstraint("on_withdrawal IN ('keep', 'erase')", name=op.f("ck_consent_on_withdrawal_is_known")),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_consent_withdrawn_at_with_by")
        ),
        sa.CheckConstraint(
            "(withdrawn_on IS NULL) = (on_withdrawal IS NULL)", name=op.f("ck_consent_withdrawn_on_with_wish")
        ),
        sa.CheckConstraint(
            "withdrawn_on IS NULL OR withdrawn_on >= given_on", name=op.f("ck_consent_withdrawn_on_not_before_given_on")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_consent_recorded_by_user")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["user.id"], name=op.f("fk_consent_withdrawn_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_consent_current",
            ["person_id", "kind"],
            unique=True,
            sqlite_where=sa.text("withdrawn_on IS NULL"),
            postgresql_where=sa.text("withdrawn_on IS NULL"),
        )

    op.create_table(
        "identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("nhs_number", sa.LargeBinary(), nullable=True),
        sa.Column("nhs_number_index", sa.String(length=64), nullable=True),
        sa.Column("date_of_birth", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_identity_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_identity_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
        sa.UniqueConstraint("person_id", name=op.f("uq_identity_person_id")),
    )
    with op.batch_alter_table("identity", schema=None) as batch_op:
        batch_op.create_index("ix_identity_nhs_number_index", ["nhs_number_index"], unique=False)

    op.create_table(
        "referral",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("referred_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closure_reason", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "closure_reason IN ('completed', 'disengaged', 'moved', 'died', 'referred-on', 'other')",
            name=op.f("ck_referral_closure_reason_is_known"),
        ),
        sa.CheckConstraint(
            "source IN ('gp', 'nurse', 'other-practice-staff', 'hospital', 'social-care', 'community', 'self', 'family', 'other')",
            name=op.f("ck_referral_source_is_known"),
        ),
        sa.CheckConstraint("status = 'offered' OR decided_on IS NOT NULL", name=op.f("ck_referral_answer_with_date")),
        sa.CheckConstraint(
            "status IN ('offered', 'accepted', 'declined', 'unreachable')", name=op.f("ck_referral_status_is_known")
        ),
        sa.CheckConstraint(
            "(closed_on IS NULL) = (closure_reason IS NULL)", name=op.f("ck_referral_closed_on_with_reason")
        ),
        sa.CheckConstraint(
            "closed_on IS NULL OR closed_on >= referred_on", name=op.f("ck_referral_closed_on_not_before_referred_on")
        ),
        sa.CheckConstraint(
            "decided_on IS NULL OR decided_on >= referred_on",
            name=op.f("ck_referral_decided_on_not_before_referred_on"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_referral_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_referral_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
    )
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.create_index(
            "ix_referral_open",
            ["person_id"],
            unique=False,
            sqlite_where=sa.text("closed_on IS NULL"),
            postgresql_where=sa.text("closed_on IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_referral_person_id"), ["person_id"], unique=False)

    op.create_table(
        "service_use",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("setting", sa.String(length=40), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "setting IN ('gp', 'gp-surgery', 'gp-phone', 'gp-home', 'nurse', 'emergency', 'out-patient', 'in-patient', 'in-patient-nights', 'link-worker')",
            name=op.f("ck_service_use_setting_is_known"),
        ),
        sa.CheckConstraint("source IN ('record-extract', 'self-report')", name=op.f("ck_service_use_source_is_known")),
        sa.CheckConstraint("count >= 0", name=op.f("ck_service_use_count_range")),
        sa.CheckConstraint("until_on > from_on", name=op.f("ck_service_use_period_not_empty")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_service_use_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_service_use_recorded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_use")),
        sa.UniqueConstraint(
            "person_id", "setting", "from_on", "source", name=op.f("uq_service_use_person_id_setting_from_on_source")
        ),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "until_on IS NULL OR until_on >= from_on", name=op.f("ck_assignment_until_on_not_before_from_on")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_assignment_recorded_by_user")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_assignment_referral_id_referral")),
        sa.ForeignKeyConstraint(["worker_id"], ["user.id"], name=op.f("fk_assignment_worker_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assignment_referral_id"), ["referral_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assignment_worker_id"), ["worker_id"], unique=False)
        batch_op.create_index(
            "uq_assignment_current",
            ["referral_id"],
            unique=True,
            sqlite_where=sa.text("until_on IS NULL"),
            postgresql_where=sa.text("until_on IS NULL"),
        )

    op.create_table(
        "contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_key", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("contacted_on", sa.Date(), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("attendance", sa.String(length=40), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("travel_minutes", sa.Integer(), nullable=True),
        sa.Column("topics", sa.String(length=400), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("attendance <> 'attended' OR minutes > 0", name=op.f("ck_contact_attended_takes_time")),
        sa.CheckConstraint(
            "attendance IN ('attended', 'attempted', 'did-not-attend', 'cancelled')",
            name=op.f("ck_contact_attendance_is_known"),
        ),
        sa.CheckConstraint(
            "mode IN ('face-to-face', 'home', 'phone', 'video', 'text', 'email', 'group')",
            name=op.f("ck_contact_mode_is_known"),
        ),
        sa.CheckConstraint("minutes BETWEEN 0 AND 480", name=op.f("ck_contact_minutes_range")),
        sa.CheckConstraint("travel_minutes BETWEEN 0 AND 480", name=op.f("ck_contact_travel_minutes_range")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_contact_recorded_by_user")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_contact_referral_id_referral")),
        sa.ForeignKeyConstraint(["worker_id"], ["user.id"], name=op.f("fk_contact_worker_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("client_key", name=op.f("uq_contact_client_key")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index("ix_contact_referral_id_contacted_on", ["referral_id", "contacted_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_contact_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "item_response",
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("missing_reason", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "missing_reason IN ('not-answered', 'prefer-not-to-say', 'not-reached', 'too-unwell', 'died', 'not-asked', 'other')",
            name=op.f("ck_item_response_missing_reason_is_known"),
        ),
        sa.CheckConstraint(
            "(value IS NULL) = (missing_reason IS NOT NULL)", name=op.f("ck_item_response_value_or_reason")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessment.id"], name=op.f("fk_item_response_assessment_id_assessment")
        ),
        sa.PrimaryKeyConstraint("assessment_id", "item", name=op.f("pk_item_response")),
    )
    op.create_table(
        "reported_score",
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("scale", sa.String(length=40), nullable=False),
        sa.Column("value_set", sa.String(length=60), nullable=True),
        sa.Column("score", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessment.id"], name=op.f("fk_reported_score_assessment_id_assessment")
        ),
        sa.PrimaryKeyConstraint("assessment_id", "scale", name=op.f("pk_reported_score")),
    )
    op.create_table(
        "signpost",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_key", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("signposted_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("sessions_attended", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('information', 'referral', 'accompanied')", name=op.f("ck_signpost_kind_is_known")
        ),
        sa.CheckConstraint(
            "outcome IN ('attended', 'did-not-attend', 'declined', 'waiting', 'full', 'unknown')",
            name=op.f("ck_signpost_outcome_is_known"),
        ),
        sa.CheckConstraint("sessions_attended >= 0", name=op.f("ck_signpost_sessions_attended_range")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_signpost_contact_id_contact")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_signpost_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user.id"], name=op.f("fk_signpost_recorded_by_user")),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name=op.f("fk_signpost_resource_id_resource")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signpost")),
        sa.UniqueConstraint("client_key", name=op.f("uq_signpost_client_key")),
    )
    with op.batch_alter_table("signpost", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signpost_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_signpost_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_signpost_resource_id"), ["resource_id"], unique=False)
    refuse_changes_to_the_trail()


def downgrade() -> None:
    with op.batch_alter_table("signpost", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signpost_resource_id"))
        batch_op.drop_index(batch_op.f("ix_signpost_person_id"))
        batch_op.drop_index(batch_op.f("ix_signpost_contact_id"))

    op.drop_table("signpost")
    op.drop_table("reported_score")
    op.drop_table("item_response")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_worker_id"))
        batch_op.drop_index("ix_contact_referral_id_contacted_on")

    op.drop_table("contact")
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_assignment_current",
            sqlite_where=sa.text("until_on IS NULL"),
            postgresql_where=sa.text("until_on IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_assignment_worker_id"))
        batch_op.drop_index(batch_op.f("ix_assignment_referral_id"))

    op.drop_table("assignment")
    op.drop_table("service_use")
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_referral_person_id"))
        batch_op.drop_index(
            "ix_referral_open", sqlite_where=sa.text("closed_on IS NULL"), postgresql_where=sa.text("closed_on IS NULL")
        )

    op.drop_table("referral")
    with op.batch_alter_table("identity", schema=None) as batch_op:
        batch_op.drop_index("ix_identity_nhs_number_index")

    op.drop_table("identity")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_consent_current",
            sqlite_where=sa.text("withdrawn_on IS NULL"),
            postgresql_where=sa.text("withdrawn_on IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_consent_person_id"))

    op.drop_table("consent")
    op.drop_table("characteristic")
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.drop_index("uq_assessment_occasion")

    op.drop_table("assessment")
    with op.batch_alter_table("allocation", schema=None) as batch_op:
        batch_op.drop_index("uq_allocation_site")
        batch_op.drop_index("uq_allocation_person")
        batch_op.drop_index(batch_op.f("ix_allocation_site_id"))
        batch_op.drop_index(batch_op.f("ix_allocation_person_id"))
        batch_op.drop_index(batch_op.f("ix_allocation_arm_id"))

    op.drop_table("allocation")
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_resource_study_id"))

    op.drop_table("resource")
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_post_site_id"))

    op.drop_table("post")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_study_id"))
        batch_op.drop_index("ix_person_site_id_study_id")

    op.drop_table("person")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_membership_user_id"))
        batch_op.drop_index(batch_op.f("ix_membership_study_id"))
        batch_op.drop_index(batch_op.f("ix_membership_site_id"))

    op.drop_table("membership")
    op.drop_table("arm")
    op.drop_table("study")
    op.drop_table("site")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_user_id"))

    op.drop_table("sign_in")
    op.drop_table("user")
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.drop_index("ix_sign_in_failure_digest_failed_at")

    op.drop_table("sign_in_failure")
    op.drop_table("audit_event")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_event_refusal()")

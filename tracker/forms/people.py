"""Adding a person, with or without a referral; withdrawing; leaving."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from instruments.codes import (
    CLOSURE_REASONS,
    CONSENT_KINDS,
    ETHNICITIES,
    LEAVING_REASONS,
    ON_WITHDRAWAL,
    REFERRAL_SOURCES,
    REFERRAL_STATUSES,
    SEXES,
)

from ..actions.people import nhs_number_fault
from ..extensions import today
from .checks import at_most, not_in_the_future, without
from .fields import CodeRadio, CodeSelect, DatePartsField, TextBlock, TextLine, WholeNumber, YesNoRadio


class IdentityForm(FlaskForm):
    """Who somebody is."""

    name = TextLine("Full name", [DataRequired("Enter the person's full name"), at_most(200)])
    nhs_number = TextLine(
        "NHS number (if known)", [Optional(), without(nhs_number_fault)], description="10 digits, like 943 476 5919"
    )
    date_of_birth = DatePartsField("Date of birth", [Optional(), not_in_the_future], example="31 3 1956")
    phone = TextLine("Phone (if they agree)", [Optional(), at_most(40)])


class ReferralForm(FlaskForm):
    """Declared between the two others so that errors are listed in the order of the page."""

    source = CodeSelect("Who referred them?", [InputRequired("Choose who referred them")], codes=REFERRAL_SOURCES)
    referred_on = DatePartsField(
        "Date of the referral", [InputRequired("Enter the date of the referral"), not_in_the_future], default=today
    )
    status = CodeRadio(
        "Their answer", [InputRequired("Choose the person's answer")], codes=REFERRAL_STATUSES, default="accepted"
    )
    reason = TextBlock("Reason for the referral", [Optional(), at_most(2000)])


class PersonForm(IdentityForm):
    """Somebody at a comparison site: who they are and what is known at entry."""

    entered_on = DatePartsField(
        "Date of entry to the study",
        [InputRequired("Enter the date of entry to the study"), not_in_the_future],
        default=today,
    )
    research_consent = BooleanField("The person consents to their data being used in the study")
    sex = CodeRadio("Sex", [Optional()], codes=SEXES)
    ethnicity = CodeSelect("Ethnic group", [Optional()], codes=ETHNICITIES)
    lives_alone = YesNoRadio("Do they live alone?")
    carer = YesNoRadio("Are they an unpaid carer?")
    ltc_count = WholeNumber(
        "Long-term conditions",
        [Optional(), NumberRange(0, 40, "Enter a number between 0 and 40")],
        description="How many, such as diabetes, arthritis, depression",
    )
    deprivation = WholeNumber(
        "Deprivation decile of their address (English indices 2019)",
        [Optional(), NumberRange(1, 10, "Enter a decile between 1 (most deprived) and 10")],
        description="1 is most deprived, 10 least",
    )


class ReferredPersonForm(ReferralForm, PersonForm):
    """Somebody referred to a link worker."""


class WithdrawalForm(FlaskForm):
    withdrawn_on = DatePartsField(
        "Date of the withdrawal", [InputRequired("Enter the date"), not_in_the_future], default=today
    )
    on_withdrawal = CodeRadio(
        "What should happen with what was recorded?",
        [InputRequired("Choose what the person wants")],
        codes=ON_WITHDRAWAL,
    )
    reason = TextBlock("Anything to note (no personal details)", [Optional(), at_most(400)])


class ConsentForm(FlaskForm):
    kind = CodeRadio("What do they consent to?", [InputRequired("Choose what they consent to")], codes=CONSENT_KINDS)
    given_on = DatePartsField(
        "Date of the consent", [InputRequired("Enter the date"), not_in_the_future], default=today
    )


class LeavingForm(FlaskForm):
    left_on = DatePartsField("Date of leaving", [InputRequired("Enter the date"), not_in_the_future], default=today)
    left_reason = CodeRadio("Why they left", [InputRequired("Choose a reason")], codes=LEAVING_REASONS)


class ClosingForm(FlaskForm):
    closed_on = DatePartsField("Closing date", [InputRequired("Enter the date"), not_in_the_future], default=today)
    closure_reason = CodeRadio("Why the referral closes", [InputRequired("Choose a reason")], codes=CLOSURE_REASONS)


class AnswerForm(FlaskForm):
    """The person's answer to an offer, when it comes."""

    status = CodeRadio(
        "Their answer",
        [InputRequired("Choose the person's answer")],
        codes={code: label for code, label in REFERRAL_STATUSES.items() if code != "offered"},
    )
    decided_on = DatePartsField(
        "Date of the answer", [InputRequired("Enter the date"), not_in_the_future], default=today
    )


class SiteForm(FlaskForm):
    """Which of several sites a new person belongs to."""

    site = CodeRadio("Which site does the person belong to?", [InputRequired("Choose a site")], codes={})

"""Adding a person, with or without a referral; what is known of them; withdrawing; leaving."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, HiddenField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from instruments.codes import (
    ANSWER_REASONS,
    CONDITIONS,
    CONSENT_KINDS,
    ETHNICITIES,
    LEAVING_REASONS,
    NEEDS,
    ON_WITHDRAWAL,
    REFERRAL_SOURCES,
    REFERRAL_STATUSES,
    SEXES,
)

from ..actions.people import ENTRY_FACTS, IdentityFacts, nhs_number_fault
from ..extensions import today
from .checks import a_version, at_most, not_in_the_future, without
from .fields import CodeChecks, CodeRadio, CodeSelect, DatePartsField, TextBlock, TextLine, WholeNumber, YesNoRadio
from .page_form import PageForm


class IdentityForm(PageForm):
    """Who somebody is."""

    name = TextLine("Full name", [DataRequired("Enter the person's full name"), at_most(200)])
    nhs_number = TextLine(
        "NHS number (if known)", [Optional(), without(nhs_number_fault)], description="10 digits, like 943 476 5919"
    )
    date_of_birth = DatePartsField("Date of birth", [Optional(), not_in_the_future], example="31 3 1956")
    phone = TextLine("Phone (if they agree)", [Optional(), at_most(40)])
    address = TextBlock(
        "Address (if they agree)", [Optional(), at_most(400)], description="For home visits and letters"
    )

    @property
    def identity(self) -> IdentityFacts:
        return IdentityFacts(
            name=str(self["name"].data),
            nhs_number=self.nhs_number.data or None,
            date_of_birth=self.date_of_birth.data,
            phone=self.phone.data or None,
            address=self.address.data or None,
        )


class DetailsForm(IdentityForm):
    """Who somebody is, corrected."""

    version = HiddenField(validators=[a_version])


def needs_field() -> CodeChecks:
    return CodeChecks("What do they need help with?", codes=NEEDS, description="Choose all that apply")


def reason_field() -> CodeSelect:
    return CodeSelect("If they did not accept, why?", [Optional()], codes=ANSWER_REASONS)


class ReferralForm(PageForm):
    """Declared between the two others so that errors are listed in the order of the page."""

    source = CodeSelect("Who referred them?", [InputRequired("Choose who referred them")], codes=REFERRAL_SOURCES)
    referred_on = DatePartsField(
        "Date of the referral", [InputRequired("Enter the date of the referral"), not_in_the_future], default=today
    )
    needs = needs_field()
    reason = TextBlock(
        "Reason for the referral", [Optional(), at_most(2000)], description="In your words; never leaves the tracker"
    )
    status = CodeRadio(
        "Their answer", [InputRequired("Choose the person's answer")], codes=REFERRAL_STATUSES, default="accepted"
    )
    answer_reason = reason_field()
    decided_on = DatePartsField(
        "Date of their answer",
        [Optional(), not_in_the_future],
        description="Empty means the day of the referral, or of entry to the study if that is later",
    )


class EnteringForm(IdentityForm):
    """Who comes into the study, and when."""

    entered_on = DatePartsField(
        "Date of entry to the study",
        [InputRequired("Enter the date of entry to the study"), not_in_the_future],
        default=today,
    )
    research_consent = BooleanField("The person consents to their data being used in the study")

    @property
    def consents(self) -> list[str]:
        """The kinds of consent that were given: what was not asked, or not ticked, is none."""
        return [kind for kind in CONSENT_KINDS if f"{kind}_consent" in self and self[f"{kind}_consent"].data]


class EntryFactsForm(PageForm):
    """What is known of somebody at entry."""

    sex = CodeRadio("Sex", [Optional()], codes=SEXES)
    ethnicity = CodeSelect("Ethnic group", [Optional()], codes=ETHNICITIES)
    lives_alone = YesNoRadio("Do they live alone?")
    carer = YesNoRadio("Are they an unpaid carer?")
    conditions = CodeChecks("Which long-term conditions?", codes=CONDITIONS)
    ltc_count = WholeNumber(
        "Long-term conditions in all",
        [Optional(), NumberRange(0, 40, "Enter a number between 0 and 40")],
        description="How many; leave it empty to count those that are named",
    )
    deprivation = WholeNumber(
        "Deprivation decile of their address (English indices 2019)",
        [Optional(), NumberRange(1, 10, "Enter a decile between 1 (most deprived) and 10")],
        description="1 is most deprived, 10 least",
    )

    @property
    def facts(self) -> dict[str, Any]:
        return {name: self[name].data for name in ENTRY_FACTS}


class PersonForm(EntryFactsForm, EnteringForm):
    """Somebody at a comparison site."""


class ReferredPersonForm(ReferralForm, PersonForm):
    """Somebody referred to a link worker, who alone is asked whether they agree to being supported."""

    service_consent = BooleanField("They agree to being supported and to this record")


class EntryCorrectionForm(EntryFactsForm):
    """What was known at entry, corrected."""

    version = HiddenField(validators=[a_version])


class WithdrawalForm(PageForm):
    withdrawn_on = DatePartsField(
        "Date of the withdrawal", [InputRequired("Enter the date"), not_in_the_future], default=today
    )
    on_withdrawal = CodeRadio(
        "What should happen with what was recorded?",
        [InputRequired("Choose what the person wants")],
        codes=ON_WITHDRAWAL,
    )
    reason = TextBlock("Anything to note (no personal details)", [Optional(), at_most(400)])


class ConsentForm(PageForm):
    kind = CodeRadio("What do they consent to?", [InputRequired("Choose what they consent to")], codes=CONSENT_KINDS)
    given_on = DatePartsField(
        "Date of the consent", [InputRequired("Enter the date"), not_in_the_future], default=today
    )


class LeavingForm(PageForm):
    left_on = DatePartsField("Date of leaving", [InputRequired("Enter the date"), not_in_the_future], default=today)
    left_reason = CodeRadio("Why they left", [InputRequired("Choose a reason")], codes=LEAVING_REASONS)


class StayingForm(PageForm):
    """That a leaving was written down by mistake."""

    version = HiddenField(validators=[a_version])
    reason = TextLine(
        "Why is it taken back?",
        [DataRequired("Say why the leaving is taken back"), at_most(400)],
        description="Such as: recorded for another person",
    )


class SiteForm(PageForm):
    """Which of several sites a new person belongs to."""

    site = CodeRadio("Which site does the person belong to?", [InputRequired("Choose a site")], codes={})


class SearchForm(PageForm):
    words = TextLine(
        "Name, study number or phone", [DataRequired("Enter a name, a study number or a phone number"), at_most(200)]
    )

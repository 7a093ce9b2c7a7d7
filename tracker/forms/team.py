"""What a supervisor asks for: the day and site of the team's work, and many people handed over at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from wtforms import Form
from wtforms.validators import DataRequired, InputRequired, ValidationError

from ..actions.care import Referral
from ..extensions import today
from .checks import at_most, not_in_the_future
from .fields import CodeChecks, CodeRadio, CodeSelect, DatePartsField, TextBlock
from .page_form import PageForm

MOVED_ON = "Choose from the list as it is now: somebody whom you ticked is not with them any more"


class TeamForm(Form):
    """What stands in the address of the team's page."""

    on = DatePartsField("On", [InputRequired("Enter the date"), not_in_the_future])
    site = CodeSelect("Site", codes={}, blank="All that I supervise")


class ResultsForm(Form):
    """What stands in the address of the results; what cannot be is left out without a word."""

    worker = CodeSelect("Whose people", codes={}, blank="Everybody's")
    at = CodeSelect("From the baseline to", codes={})


class ReassignForm(PageForm):
    """Which people, to whom, from when, and why."""

    which = CodeRadio("Who is handed over?", [InputRequired("Choose who is handed over")], codes={})
    referrals = CodeChecks("People", codes={}, invalid_choice_message=MOVED_ON)
    worker = CodeRadio("Who takes them?", [InputRequired("Choose who takes them")], codes={})
    from_on = DatePartsField("From", [InputRequired("Enter the date"), not_in_the_future], default=today)
    reason = TextBlock(
        "Why?",
        [DataRequired("Say why; the audit trail keeps it"), at_most(400)],
        description="The audit trail keeps it with each of them: no names of people",
    )

    def offer(self, held: Sequence[Referral], takers: dict[str, str]) -> None:
        """The people to choose from, and who could take them."""
        count = f"All {len(held)}" if len(held) > 1 else "This one person"
        self.which.choices = [("all", count), ("some", "Only those ticked below")]
        self.referrals.choices = [(str(each.id), _described(each)) for each in held]
        self.worker.choices = list(takers.items())

    def validate_referrals(self, field: CodeChecks) -> None:
        if self.which.data == "some" and not field.data:
            raise ValidationError("Choose at least one person")

    def chosen(self, held: Collection[Referral]) -> list[Referral]:
        return [each for each in held if self.which.data == "all" or str(each.id) in (self.referrals.data or ())]


def _described(referral: Referral) -> str:
    person: Any = referral.person
    return f"{person.label}, {person.study_number}, {person.site.name}"

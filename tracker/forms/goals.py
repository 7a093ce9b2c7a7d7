"""Goals: the person's words, and how close they are."""

from __future__ import annotations

from wtforms import HiddenField
from wtforms.validators import InputRequired, Optional

from instruments.codes import GOAL_STATUSES

from ..actions.goals import CLOSEST
from ..extensions import today
from .checks import a_version, at_most, not_in_the_future
from .fields import CodeRadio, DatePartsField, TextBlock, TextLine, plain_figures
from .page_form import PageForm


class GoalForm(PageForm):
    words = TextBlock(
        "What matters to them, in their words",
        [InputRequired("Enter what they want"), at_most(400)],
        description="Such as: I want to walk to the shop on my own again. It never leaves the tracker.",
    )
    set_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)


class RewordForm(PageForm):
    version = HiddenField(validators=[a_version])
    words = TextBlock("What matters to them, in their words", [InputRequired("Enter what they want"), at_most(400)])


class ProgressForm(PageForm):
    version = HiddenField(validators=[a_version])
    closeness = CodeRadio(
        "How close are they now?",
        [InputRequired("Choose a number from 0 to 10")],
        codes={number: str(number) for number in range(CLOSEST + 1)},
        coerce=plain_figures,
    )
    status = CodeRadio(
        "How does the goal stand?", [InputRequired("Choose how the goal stands")], codes=GOAL_STATUSES, default="open"
    )
    note = TextLine("Note", [Optional(), at_most(400)], description="Never leaves the tracker")
    noted_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)

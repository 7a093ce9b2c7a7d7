"""The directory: an entry, searching it, and saying that an entry is wrong."""

from __future__ import annotations

from wtforms import Form, HiddenField
from wtforms.validators import DataRequired, InputRequired, Optional

from instruments.codes import RESOURCE_CAPACITIES, RESOURCE_CATEGORIES

from ..actions.directory import LONGEST, email_fault, phone_fault, website_fault
from ..extensions import today
from .checks import a_version, at_most, not_in_the_future, without
from .fields import CodeRadio, CodeSelect, DatePartsField, TextBlock, TextLine
from .page_form import PageForm


class ResourceForm(PageForm):
    """A new entry of the directory."""

    name = TextLine("Name", [DataRequired("Enter the name of the resource"), at_most(LONGEST["name"])])
    category = CodeSelect("Category", [InputRequired("Choose a category")], codes=RESOURCE_CATEGORIES)
    provider = TextLine("Who runs it", [Optional(), at_most(LONGEST["provider"])])
    area = TextLine("Area", [Optional(), at_most(LONGEST["area"])])
    cost = TextLine(
        "Cost to the person", [Optional(), at_most(LONGEST["cost"])], description="Such as free, or £3 a session"
    )
    description = TextBlock("What happens there", [Optional(), at_most(LONGEST["description"])])
    eligibility = TextBlock("Who can go", [Optional(), at_most(LONGEST["eligibility"])])
    opening_times = TextBlock(
        "When it is open",
        [Optional(), at_most(LONGEST["opening_times"])],
        description="Such as Tuesdays at 10.30, not in August",
    )
    phone = TextLine("Phone", [Optional(), at_most(LONGEST["phone"]), without(phone_fault)])
    email = TextLine("E-mail", [Optional(), at_most(LONGEST["email"]), without(email_fault)])
    website = TextLine(
        "Website",
        [Optional(), at_most(LONGEST["website"]), without(website_fault)],
        description="The whole address, such as https://www.example.org",
    )
    address = TextLine("Address", [Optional(), at_most(LONGEST["address"])], description="Building and street")
    town = TextLine("Town", [Optional(), at_most(LONGEST["town"])])
    postcode = TextLine("Postcode", [Optional(), at_most(LONGEST["postcode"])])
    capacity = CodeRadio(
        "Does it take new people?",
        [InputRequired("Choose whether it takes new people")],
        codes=RESOURCE_CAPACITIES,
        default="open",
        description="A full one warns whoever signposts to it; a closed one cannot be chosen",
    )
    checked_on = DatePartsField("Last checked", [Optional(), not_in_the_future], default=today)

    @property
    def facts(self) -> dict[str, object]:
        """The entry as the record keeps it: nothing typed is nothing known."""
        kept = set(self._fields) - {"csrf_token", "version"}
        return {name: field.data or None for name, field in self._fields.items() if name in kept}


class ResourceEditForm(ResourceForm):
    version = HiddenField(validators=[a_version])


class FaultForm(PageForm):
    reason = TextLine(
        "What is wrong?",
        [DataRequired("Enter what is wrong"), at_most(LONGEST["reason"])],
        description="Such as: the number has changed, it moved to Mondays. Nothing about a person",
    )


class SearchForm(Form):
    """What stands in the address of the directory; what cannot be is left out without a word."""

    words = TextLine("Search", [Optional(), at_most(100)])
    category = CodeSelect("Category", [Optional()], codes=RESOURCE_CATEGORIES, blank="All")
    area = CodeSelect("Area", [Optional()], codes={}, blank="All")

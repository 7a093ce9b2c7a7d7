"""What an administrator decides about colleagues and sites."""

from __future__ import annotations

import re

from flask import current_app
from flask_security.mail_util import EmailValidateException, MailUtil
from wtforms import EmailField, FloatField, HiddenField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional, ValidationError

from instruments.codes import DEPRIVATION_INDEXES

from ..extensions import today
from ..permissions import SITE_ROLES, STAFF_ROLES
from .checks import RELOAD, a_version, at_most
from .fields import CodeRadio, CodeSelect, DatePartsField, TextBlock, TextLine, WholeNumber, printable
from .page_form import OnceForm, PageForm

MOST_FTE = 2


class ReasonForm(PageForm):
    """A change that hurts: the audit trail keeps why."""

    reason = TextBlock(
        "Why?",
        [DataRequired("Say why; the audit trail keeps it"), at_most(400)],
        description="The audit trail keeps this. Nothing personal, please.",
    )


class NewLinkForm(ReasonForm, OnceForm):
    """A new link ends those before, which may be passed on already."""


class PlaceForm(PageForm):
    """A role, and where it holds."""

    role = CodeRadio(
        "Role",
        [InputRequired("Choose a role")],
        codes={role: role.replace("-", " ").capitalize() for role in STAFF_ROLES},
    )
    study = CodeSelect("Study", codes={}, blank="No study", description="For every role but administrator")
    site = CodeSelect(
        "Site", codes={}, blank="No site", description="For link workers, outcome assessors and supervisors"
    )

    def validate_study(self, field: CodeSelect) -> None:
        if self.role.data == "administrator" and field.data:
            raise ValidationError("An administrator's role holds everywhere. Choose no study.")
        if self.role.data and self.role.data != "administrator" and not field.data:
            raise ValidationError("Choose the study in which the role holds")

    def validate_site(self, field: CodeSelect) -> None:
        if self.role.data in SITE_ROLES and not field.data:
            raise ValidationError("Choose the site at which the role holds")
        if self.role.data and self.role.data not in SITE_ROLES and field.data:
            raise ValidationError("This role holds at every site. Choose no site.")


class ColleagueForm(PageForm):
    """Declared before the role, so that errors are listed in the order of the page."""

    name = TextLine("Name", [DataRequired("Enter their name"), at_most(200)])
    email = EmailField(
        "E-mail address",
        [DataRequired("Enter their e-mail address"), at_most(254)],
        filters=[lambda text: text and printable(text).strip()],
        description="They sign in with it. Nothing is sent to it.",
        render_kw={"autocomplete": "off"},
    )

    def validate_email(self, field: EmailField) -> None:
        try:
            field.data = MailUtil(current_app).validate(field.data or "")
        except EmailValidateException:
            raise ValidationError("Enter an e-mail address such as name@example.org") from None


class InvitationForm(ColleagueForm, PlaceForm):
    """Somebody new, with their first role."""


class Fte(FloatField):
    """A share of a full-time post, in plain figures."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        text = valuelist[0].strip().replace(",", ".") if valuelist else ""
        if not text:
            return
        if not re.fullmatch(r"[0-9](\.[0-9]{1,3})?", text):
            raise ValueError("Enter a share such as 0.8, or 1 for full time")
        self.data = float(text)


class PostForm(PageForm):
    site = CodeSelect("Site", [InputRequired("Choose a site")], codes={})
    fte = Fte(
        "Full-time equivalent",
        [InputRequired("Enter the share of a full-time post"), NumberRange(0.01, MOST_FTE, "Enter 0.01 to 2")],
        description="1 is full time, 0.5 half time",
    )
    from_on = DatePartsField("First day", [InputRequired("Enter the first day")], default=today)
    until_on = DatePartsField("Last day (if it is known)", [Optional()])

    def validate_until_on(self, field: DatePartsField) -> None:
        if field.data and self.from_on.data and field.data < self.from_on.data:
            raise ValidationError("The post ends before it begins. Enter a later last day.")


class EndPostForm(ReasonForm):
    until_on = DatePartsField("Last day of the post", [InputRequired("Enter the last day")], default=today)


class SlugForm(PageForm):
    """Declared before the details, so that errors are listed in the order of the page."""

    slug = TextLine(
        "Id",
        [DataRequired("Enter an id for datasets, such as ash-lane"), at_most(60)],
        description="Stands in datasets and stays. Small letters, digits and hyphens, such as ash-lane",
    )

    def validate_slug(self, field: TextLine) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", field.data or ""):
            raise ValidationError("Use small letters, digits and hyphens for the id, such as ash-lane")


class SiteDetailsForm(PageForm):
    """A practice or clinic, as it is known and as it stands in datasets."""

    name = TextLine("Name", [DataRequired("Enter the name of the site"), at_most(200)], description="As staff know it")
    ods_code = TextLine(
        "ODS code (if it has one)",
        [Optional(), at_most(10)],
        description="From the NHS directory of organisations, such as A81001",
    )
    list_size = WholeNumber(
        "List size (if it is known)",
        [Optional(), NumberRange(0, 10_000_000, "Enter a number up to 10 million")],
        description="How many people are registered there",
    )
    deprivation = WholeNumber(
        "Deprivation (if it is known)",
        [Optional(), NumberRange(1, 10, "Enter a decile or quintile: 1 is the most deprived")],
        description="Decile or quintile; 1 is the most deprived",
    )
    deprivation_index = CodeSelect("Which index that is", codes=DEPRIVATION_INDEXES, blank="Not known")

    def validate_deprivation_index(self, field: CodeSelect) -> None:
        value = self.deprivation.data
        if (value is None) != (field.data is None) and not self.deprivation.errors:
            raise ValidationError("A deprivation says nothing without its index. Give both, or neither.")
        if value is not None and value > 5 and str(field.data).endswith("quintile"):
            raise ValidationError(f"{value} is not a quintile. Enter 1 to 5, or choose a decile index.")

    @property
    def details(self) -> dict[str, object]:
        names = ("ods_code", "list_size", "deprivation", "deprivation_index")
        return {name: self[name].data if self[name].data != "" else None for name in names}


class NewSiteForm(SlugForm, SiteDetailsForm):
    """A site that was not here before."""


class EditSiteForm(SiteDetailsForm):
    version = HiddenField(validators=[InputRequired(RELOAD), a_version])

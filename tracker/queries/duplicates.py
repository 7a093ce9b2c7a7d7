"""Who may be the same person as somebody who is about to be added: only people whom the asker may see at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from sqlalchemy import or_

from ..extensions import db
from ..models import Identity, Person, User
from ..models.person import nhs_number_index
from ..permissions import CARE_ROLES
from .scope import visible_people


def same_person(*, by: User, nhs_number: str | None, name: str, date_of_birth: date | None) -> Sequence[Person]:
    """People at the asker's sites with the same NHS number, or the same name and date of birth; by study number.

    Names lie encrypted, so that they are compared here and not in the database; the year of birth narrows them down.
    """
    digest = nhs_number_index(nhs_number) if nhs_number else None
    wanted = [Identity.nhs_number_index == digest] if digest else []
    if date_of_birth:
        wanted += [Person.birth_year == date_of_birth.year, Person.birth_year.is_(None)]
    if not wanted:
        return []
    people = db.session.scalars(
        visible_people(by, CARE_ROLES).join(Person.identity).where(or_(*wanted)).order_by(Person.study_number)
    ).unique()
    return [person for person in people if _is_same(person.identity, digest, name, date_of_birth)]


def _is_same(known: Identity | None, digest: str | None, name: str, date_of_birth: date | None) -> bool:
    if known is None:
        return False
    if digest and known.nhs_number_index == digest:
        return True
    if date_of_birth is None or known.date_of_birth != date_of_birth.isoformat():
        return False
    return _bare_name(known.name) == _bare_name(name)


def _bare_name(name: str) -> list[str]:
    """The words of a name without accents, capitals and marks, in no order: O’Neill, Zoë is zoe oneill."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return sorted(re.sub(r"[^\w\s]", "", plain.replace(",", " ")).casefold().split())

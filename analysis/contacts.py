"""Who met a link worker, whichever arm they are in."""

from __future__ import annotations

import pandas as pd

from instruments.plan import Outcome

from .cohort import Cohort, of_scale, rows_of
from .result import AnalysisError

LINK_WORKER = "link-worker"
ATTENDED = "attended"
NOTHING_KNOWN = (
    "the data hold nothing about contacts, so that nobody can tell who had one; add contacts, or service use of "
    f"'{LINK_WORKER}', or take the method out of the plan"
)


def only_counts(cohort: Cohort) -> bool:
    """Whether the source gives no contacts, only how many each person had."""
    return cohort.dataset["contacts"].empty and LINK_WORKER in set(cohort.use["setting"])


def each_person(cohort: Cohort) -> pd.DataFrame:
    """How many attended contacts everybody had, with their arm, by person: 0 where none is recorded."""
    if only_counts(cohort):
        found = cohort.use[cohort.use["setting"] == LINK_WORKER].set_index("person")["count"]
    else:
        contacts = cohort.dataset["contacts"]
        found = contacts[contacts["attendance"] == ATTENDED].groupby("person").size()
    return cohort.people[["arm"]].assign(contacts=found.reindex(cohort.people.index).fillna(0).astype(float))


def contact_rows_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Everybody in the study with what `rows_of` gives, and whether they had met a link worker by then.

    Returns
    -------
    DataFrame
        As `rows_of` (by person), with `contact`: 1 with an attended contact on or before the day on which the outcome
        was measured, else 0. Where the source gives only how many contacts people had, any of them counts.

    Raises
    ------
    AnalysisError
        When the data hold nothing about contacts.
    """
    if only_counts(cohort):
        met = each_person(cohort)["contacts"] > 0
    else:
        contacts = cohort.dataset["contacts"]
        if contacts.empty:
            raise AnalysisError(NOTHING_KNOWN)
        own = of_scale(cohort.scores, outcome)
        measured = own[own["timepoint"] == outcome.timepoint].set_index("person")["day"]
        first = contacts[contacts["attendance"] == ATTENDED].groupby("person")["contacted_on"].min()
        day = (first.reindex(cohort.people.index) - cohort.people["entered_on"]).dt.days
        met = day <= measured.reindex(cohort.people.index)
    return rows_of(cohort, outcome).assign(contact=met.astype(float))

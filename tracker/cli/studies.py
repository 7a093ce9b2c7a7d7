"""Studies and sites: what an administrator sets up before anybody can work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from instruments.codes import ALLOCATION_METHODS, DEPRIVATION_INDEXES
from instruments.mapping import text_of
from instruments.plan import parse

from ..actions import studies
from ..extensions import db
from ..queries import command
from .installation import AS, Faulty, day, opened, slug, words


@click.group()
def study() -> None:
    """Look after studies: their plan, and locking it."""


@study.command("add")
@click.argument("plan", type=click.Path(path_type=Path, dir_okay=False))
@AS
def add_study(plan: Path, email: str) -> None:
    """Make the study and arms that PLAN (a TOML file) describes.

    \b
      tracker study add plan.toml --as you@example.org
    """
    with opened():
        text = text_of(plan)
        with db.transaction():
            asker = command.staff_member(email, by=None)
            _refuse_taken(command.study, parse(text).id, asker)
            made = studies.create_study(by=asker, plan_text=text)
            arms = ", ".join(arm.slug for arm in made.arms)
            said = f"Study '{made.slug}', arms {arms}.\nThe plan's SHA-256 is {made.plan_sha256}"
    click.echo(said)


@study.command("lock")
@click.argument("study_id", metavar="STUDY")
@AS
def lock_study(study_id: str, email: str) -> None:
    """Fix the plan of STUDY (its id) before anybody looks at outcomes. It cannot be unlocked.

    \b
      tracker study lock elmstead --as you@example.org
    """
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        chosen = command.study(study_id, by=asker)
        studies.lock_plan(by=asker, study=chosen)
        said = f"The plan of '{chosen.slug}' is locked.\nIts SHA-256 is {chosen.plan_sha256}"
    click.echo(said)


@click.group()
def site() -> None:
    """Look after sites (practices or clinics) and the arms they are in."""


@site.command("add")
@click.argument("site_id", metavar="ID", type=slug)
@click.option("--name", required=True, type=words(200), metavar="NAME", help="As staff know it.")
@click.option("--ods-code", type=words(10), metavar="CODE", help="Its code in the NHS directory of organisations.")
@click.option("--list-size", type=click.IntRange(0, 10_000_000), help="How many people are registered there.")
@click.option("--deprivation", type=click.IntRange(1, 10), help="Decile or quintile; 1 is the most deprived.")
@click.option("--deprivation-index", type=click.Choice(tuple(DEPRIVATION_INDEXES)), help="Which index that is.")
@AS
def add_site(site_id: str, email: str, **details: Any) -> None:
    """Make a site. Its ID stands in datasets, its name does not.

    \b
      tracker site add ash-lane --name "Ash Lane Surgery" --list-size 8200 --as you@example.org
    """
    name = details.pop("name")
    _check_deprivation(details["deprivation"], details["deprivation_index"])
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        _refuse_taken(command.site, site_id, asker)
        studies.create_site(by=asker, slug=site_id, name=name, details=details)
    click.echo(f"Site '{site_id}' is here. Put it in an arm with `tracker site allocate {site_id}`.")


def _check_deprivation(value: int | None, index: str | None) -> None:
    if (value is None) != (index is None):
        raise Faulty("--deprivation: says nothing without its index; give --deprivation-index too, or neither")
    if value is not None and value > 5 and str(index).endswith("quintile"):
        raise Faulty(f"--deprivation: {value} is not a quintile; use 1 to 5, or name a decile index")


def _refuse_taken(look_up: Callable[..., Any], id: str, asker: Any) -> None:
    try:
        look_up(id, by=asker)
    except LookupError:
        return
    raise Faulty(f"'{id}': is here already; choose another id")


@site.command("allocate")
@click.argument("site_id", metavar="ID")
@click.option("--study", "study_id", required=True, metavar="STUDY", help="Id of the study.")
@click.option("--arm", required=True, help="Id of one of the arms in the study's plan.")
@click.option("--from", "from_on", required=True, type=day, metavar="DATE", help="First day in the arm: 2026-01-05.")
@click.option("--method", required=True, type=click.Choice(tuple(ALLOCATION_METHODS)), help="How it was decided.")
@AS
def allocate_site(site_id: str, study_id: str, arm: str, from_on: date, method: str, email: str) -> None:
    """Put a site in an arm of a study from a date.

    \b
      tracker site allocate ash-lane --study elmstead --arm link-worker --from 2026-01-05 --method geography \\
        --as you@example.org
    """
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        chosen, place = command.study(study_id, by=asker), command.site(site_id, by=asker)
        studies.allocate(by=asker, study=chosen, arm=arm, from_on=from_on, method=method, site=place)
    click.echo(f"'{site_id}' is in arm '{arm}' of '{study_id}' from {from_on}.")

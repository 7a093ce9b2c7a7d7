"""Staff: accounts, roles, posts, passwords."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import click

from ..actions import second_factor, staff
from ..extensions import db
from ..permissions import SITE_ROLES, STAFF_ROLES, current
from ..queries import command
from .installation import AS, PASSWORD, Faulty, address, day, opened, words

Decorated = Callable[..., Any]
WHOM = click.argument("whom", metavar="E-MAIL")
REASON = click.option(
    "--reason", required=True, type=words(400), metavar="WORDS", help="Why; the audit trail keeps it."
)


def _place(function: Decorated) -> Decorated:
    """The options that say which role, and where it holds."""
    for option in (
        click.option("--site", metavar="SITE", help="Id of the site the role holds at."),
        click.option("--study", metavar="STUDY", help="Id of the study the role holds in."),
        click.option("--role", required=True, type=click.Choice(STAFF_ROLES)),
    ):
        function = option(function)
    return function


@click.group()
def user() -> None:
    """Look after staff."""


@user.command("add")
@WHOM
@click.option("--name", required=True, type=words(200), metavar="NAME")
@_place
@PASSWORD
@AS
def add_user(whom: str, name: str, role: str, study: str | None, site: str | None, password: str, email: str) -> None:
    """Make a member of staff with one role; `tracker user grant` gives further ones.

    \b
      tracker user add sam@example.org --name "Sam Okafor" --role link-worker --study elmstead --site ash-lane \\
        --as you@example.org
    """
    _check_place(role, study, site)
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        made = staff.create_user(by=asker, email=address(whom), name=name, password=password)
        staff.grant(by=asker, user=made, role=role, **_named(asker, study, site))
    click.echo(f"{name} can sign in as {role}.")


@user.command("grant")
@WHOM
@_place
@AS
def grant(whom: str, role: str, study: str | None, site: str | None, email: str) -> None:
    """Give a member of staff a further role.

    \b
      tracker user grant sam@example.org --role supervisor --study elmstead --site ash-lane --as you@example.org
    """
    _check_place(role, study, site)
    with opened(), db.transaction():
        asker, colleague = command.staff_member(email, by=None), _colleague(whom)
        where = _named(asker, study, site)
        if _memberships(colleague, role, where):
            raise Faulty(f"{whom}: holds this role already; see `tracker user list`")
        staff.grant(by=asker, user=colleague, role=role, **where)
    click.echo(f"{whom} is {role} from the next page on.")


@user.command("end")
@WHOM
@_place
@REASON
@AS
def end(whom: str, role: str, study: str | None, site: str | None, reason: str, email: str) -> None:
    """Take a role away; it stops at once. Name --study and --site when it is held at several places.

    \b
      tracker user end sam@example.org --role supervisor --study elmstead --site ash-lane \\
        --reason "Moved to another practice" --as you@example.org
    """
    with opened(), db.transaction():
        asker, colleague = command.staff_member(email, by=None), _colleague(whom)
        held = _memberships(colleague, role, {k: v for k, v in _named(asker, study, site).items() if v})
        if len(held) != 1:
            fault = "holds it at several places; name one with --study and --site" if held else "does not hold it there"
            raise Faulty(f"--role {role}: {whom} {fault} (see `tracker user list`)")
        staff.end_membership(by=asker, membership=held[0], reason=reason)
    click.echo(f"{whom} is no longer {role} there.")


@user.command("disable")
@WHOM
@REASON
@AS
def disable(whom: str, reason: str, email: str) -> None:
    """Close an account. Every sign-in of it ends at once; what it recorded stays.

    \b
      tracker user disable sam@example.org --reason "Left the service" --as you@example.org
    """
    with opened(), db.transaction():
        staff.disable_user(by=command.staff_member(email, by=None), user=_colleague(whom), reason=reason)
    click.echo(f"{whom} can no longer sign in.")


@user.command("enable")
@WHOM
@REASON
@AS
def enable(whom: str, reason: str, email: str) -> None:
    """Open a closed account again, with the password and the roles that it had.

    \b
      tracker user enable sam@example.org --reason "Came back" --as you@example.org
    """
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        staff.enable_user(by=asker, user=command.account(whom, by=None), reason=reason)
    click.echo(f"{whom} can sign in again.")


@user.command("reset")
@WHOM
@REASON
@AS
def reset(whom: str, reason: str, email: str) -> None:
    """Forget every second factor of somebody who lost theirs. Every sign-in of the account ends at once.

    On the pages another administrator does this; here it also helps the only one.

    \b
      tracker user reset sam@example.org --reason "Lost the phone, came in person" --as you@example.org
    """
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        second_factor.reset_second_factor(by=asker, user=_colleague(whom), reason=reason)
    click.echo(f"{whom} signs in with the password and sets up a new second factor.")


@user.command("password")
@WHOM
@PASSWORD
@AS
def password(whom: str, password: str, email: str) -> None:
    """Set a new password, for somebody who forgot theirs. Every sign-in of the account ends at once.

    \b
      tracker user password sam@example.org --as you@example.org
    """
    with opened(), db.transaction():
        staff.set_password(by=command.staff_member(email, by=None), user=_colleague(whom), password=password)
    click.echo(f"{whom} can sign in with the new password.")


@user.command("post")
@WHOM
@click.option("--site", required=True, metavar="SITE", help="Id of the site.")
@click.option(
    "--fte", required=True, type=click.FloatRange(0, 2, min_open=True), help="Share of a full-time post: 0.8."
)
@click.option("--from", "from_on", required=True, type=day, metavar="DATE", help="First day: 2026-01-05.")
@click.option("--until", "until_on", type=day, metavar="DATE", help="Last day, when it is known.")
@AS
def post(whom: str, site: str, fte: float, from_on: date, until_on: date | None, email: str) -> None:
    """Write down a link worker's post, so that a caseload can be read against the hours behind it.

    \b
      tracker user post sam@example.org --site ash-lane --fte 0.8 --from 2026-01-05 --as you@example.org
    """
    if until_on is not None and until_on < from_on:
        raise Faulty(f"--until {until_on}: lies before --from {from_on}; correct one of them")
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        place = command.site(site, by=asker)
        staff.appoint(by=asker, user=_colleague(whom), site=place, fte=fte, from_on=from_on, until_on=until_on)
    click.echo(f"{whom} has {fte:g} of a full-time post at '{site}' from {from_on}.")


@user.command("list")
def list_users() -> None:
    """List every account and its roles.

    \b
      tracker user list
    """
    with opened():
        for email, roles in command.accounts(by=None):
            click.echo(f"{email:40} {roles}")


def _check_place(role: str, study: str | None, site: str | None) -> None:
    """A role holds at a site, in a study, or everywhere: say so before the database does."""
    what = role.replace("-", " ")
    if role in SITE_ROLES:
        if not (study and site):
            raise Faulty(f"--site: the role {what} holds at a site of a study; name both with --study and --site")
    elif site:
        raise Faulty(f"--site: the role {what} holds at every site; leave --site away")
    elif role == "evaluator" and not study:
        raise Faulty(f"--study: the role {what} holds in a study; name it with --study")
    elif role == "administrator" and study:
        raise Faulty(f"--study: the role {what} holds in every study; leave --study away")


def _colleague(whom: str) -> Any:
    try:
        return command.staff_member(whom, by=None)
    except LookupError:
        raise Faulty(f"{whom}: no active account has this address; list them with `tracker user list`") from None


def _named(asker: Any, study: str | None, site: str | None) -> dict[str, Any]:
    return {
        "study": command.study(study, by=asker) if study else None,
        "site": command.site(site, by=asker) if site else None,
    }


def _memberships(colleague: Any, role: str, where: dict[str, Any]) -> list[Any]:
    """The current ones with this role at these places; a place that is not named may be any."""
    return [
        each
        for each in current(colleague)
        if each.role == role
        and all(getattr(each, f"{kind}_id") == (at.id if at else None) for kind, at in where.items())
    ]

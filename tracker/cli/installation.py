"""What every command stands on: the installation it runs in, and one message for whatever is refused."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NoReturn

import click
from flask import Flask, current_app
from flask_security.mail_util import EmailValidateException, MailUtil
from sqlalchemy.exc import ArgumentError, OperationalError

from instruments.dataset import ContractError
from instruments.mapping import FlatError
from instruments.plan import PlanError

from .. import config, create_app
from ..actions.passwords import SHORTEST_PASSWORD
from ..actions.refusal import Refused
from ..config import Config, ConfigError
from ..forms.sign_in import LONGEST_PASSWORD
from ..permissions import Forbidden

BAD_INPUT = 2
NOT_ALLOWED = "This account may not do that; use one whose role allows it (see `tracker user list`)."
AS = click.option(
    "--as", "email", required=True, metavar="E-MAIL", help="Whose role this runs under; the audit trail says so."
)


class Faulty(click.ClickException):
    """Ends the command with a message and nothing else."""

    exit_code = BAD_INPUT

    def show(self, file: Any = None) -> None:  # noqa: ARG002
        click.echo(self.message, err=True)


@contextmanager
def opened(**options: Any) -> Iterator[tuple[Flask, Config]]:
    """The application of the installation, and every refusal as one message and exit code 2."""
    with in_words():
        settings = config.load(**options)
        app = create_app(settings)
        with app.app_context():
            yield app, settings


@contextmanager
def in_words() -> Iterator[None]:
    """What people can mend becomes a message; a fault of the program stays one, with its traceback."""
    try:
        yield
    except (ConfigError, Refused, FlatError, PlanError, ContractError) as error:
        raise Faulty(str(error)) from None
    except Forbidden:
        raise Faulty(NOT_ALLOWED) from None
    except OSError as error:
        _refuse_path(error)
    except LookupError as error:
        if type(error) is not LookupError:  # queries.command says what is not here; its kin are our own mistakes
            raise
        raise Faulty(str(error)) from None
    except (OperationalError, ArgumentError) as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Faulty(
            f"The database cannot be used: {said}. "
            "Check TRACKER_DATA and TRACKER_DATABASE_URL, or run `tracker upgrade`."
        ) from None


def _refuse_path(error: OSError) -> NoReturn:
    if error.filename is None:
        raise error
    said = (error.strerror or "cannot be used").lower()
    raise Faulty(f"{error.filename}: {said}; name another path, or mend this one or who may use it") from None


def progress(what: str, done: int, total: int) -> None:
    """One line that counts up on a terminal; a line for every fifth elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r{what}: {done}/{total}", err=True, nl=done == total)
    elif done == total or done % max(1, total // 5) == 0:
        click.echo(f"{what}: {done}/{total}", err=True)


# ---------------------------------------------------------------------------------- what options hold


def day(text: str) -> date:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else _bad_day(text)
    except ValueError:
        _bad_day(text)


def _bad_day(text: str) -> NoReturn:
    raise click.BadParameter(f"'{text}' is not a date; write it as 2026-01-05")


def slug(text: str) -> str:
    """An id as it stands in datasets and addresses of pages."""
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) and len(text) <= 60:
        return text
    raise click.BadParameter(f"'{text}' is not an id; use small letters, digits and hyphens, such as ash-lane")


def words(longest: int) -> Callable[[str], str]:
    """Something said in at most so many characters, and not nothing."""

    def checked(text: str) -> str:
        if 0 < len(kept := text.strip()) <= longest:
            return kept
        raise click.BadParameter(f"has {len(kept)} characters; write 1 to {longest}")

    return checked


def new_password(text: str) -> str:
    if len(text) < SHORTEST_PASSWORD:
        raise click.BadParameter(f"is too short; use at least {SHORTEST_PASSWORD} characters")
    if len(text) > LONGEST_PASSWORD:
        raise click.BadParameter(f"is too long; the sign-in page takes at most {LONGEST_PASSWORD} characters")
    return text


def address(text: str) -> str:
    """An e-mail address as the sign-in page will read it; needs the installation to be open."""
    try:
        return MailUtil(current_app).validate(text.strip())
    except EmailValidateException:
        raise Faulty(
            f"'{text}' is not an e-mail address that one could sign in with; write it as name@example.org"
        ) from None


PASSWORD = click.option(
    "--password", envvar="TRACKER_PASSWORD", prompt=True, hide_input=True, confirmation_prompt=True,
    type=new_password, metavar="PASSWORD",
    help=f"At least {SHORTEST_PASSWORD} characters. Asked for when not given; or set TRACKER_PASSWORD.",
)  # fmt: skip

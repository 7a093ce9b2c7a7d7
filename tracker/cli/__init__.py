"""The `tracker` command: set up, serve, import, export, look after studies and staff, verify the trail."""

from __future__ import annotations

import click

from .audit import audit
from .data import export_study, import_directory, import_flat
from .demo import make_demo
from .serving import serve, setup, upgrade
from .staff import user
from .studies import site, study
from .wordings import wording_commands


def main() -> None:
    commands()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="link-worker-kit", message="%(version)s")
def commands() -> None:
    """Record link workers' caseloads, contacts, signposts and outcomes, and export documented datasets.

    The installation lives in the folder that TRACKER_DATA names (default: ./instance). TRACKER_DATABASE_URL names
    another database than the file in there, TRACKER_TIMEZONE another clock than Europe/London,
    TRACKER_ANSWER_WITHIN after how many working days (5) an unanswered referral is late. TRACKER_SECOND_FACTOR says
    whether everybody must have a second factor: required (the default, except in a demo) or optional.

    \b
      tracker setup --email you@example.org --name "Your Name"
      tracker study add plan.toml --as you@example.org
      tracker user add eve@example.org --name Eve --role evaluator --study elmstead --as you@example.org
      tracker serve
      tracker import mapping.toml --as you@example.org
      tracker export elmstead bundle/ --as eve@example.org
    """


for _each in (
    setup, upgrade, serve, make_demo, export_study, import_flat, import_directory, study, site, user, wording_commands,
    audit,
):  # fmt: skip
    commands.add_command(_each)

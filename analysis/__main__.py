"""The command `analysis`: compare, describe, check, convert."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

DONE, BAD_INPUT = 0, 2
SHOWN_FAULTS = 20
ABOUT = """\
Turns a dataset bundle into a controlled comparison.

  analysis convert mapping.toml bundle          somebody's flat table becomes a bundle
  analysis check bundle                         does the bundle keep the contract?
  analysis describe bundle bundle/plan.toml out the same without outcomes by arm
  analysis compare bundle bundle/plan.toml out  the report, in out/report.html
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit code 0 when done, 2 for bad input, which is named on stderr and leaves nothing behind."""
    from instruments.dataset import ContractError
    from instruments.flat import FlatError
    from instruments.plan import PlanError

    from .result import AnalysisError

    options = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except (AnalysisError, FlatError, PlanError) as error:
        return _refuse(error.faults)
    except ContractError as error:
        return _refuse([str(error)])
    return DONE


def _refuse(faults: Sequence[str]) -> int:
    for fault in faults[:SHOWN_FAULTS]:
        print(fault, file=sys.stderr)
    if len(faults) > SHOWN_FAULTS:
        print(f"... and {len(faults) - SHOWN_FAULTS} more", file=sys.stderr)
    return BAD_INPUT


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("analysis", description=ABOUT, formatter_class=formatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, arguments, summary, example in _COMMANDS:
        text = f"{summary}\n\nExample:\n  {example}"
        command = commands.add_parser(name, help=summary, description=text, formatter_class=formatter)
        for argument, meaning, optional in arguments:
            command.add_argument(argument, type=Path, help=meaning, nargs="?" if optional else None)
        command.set_defaults(run=run)
    return parser


def _compare(options: argparse.Namespace) -> None:
    from . import load
    from .report import PROVENANCE_FILE, compare, told, write
    from .result import refuse_to_replace

    refuse_to_replace(options.OUT, PROVENANCE_FILE)
    _say(f"Reading {options.BUNDLE.name} ...")
    dataset = load.read(options.BUNDLE, options.PLAN)
    _say(f"Comparing {len(dataset['people']):,} people ...")
    comparison = compare(dataset)
    _say(f"Writing {options.OUT.name} ...")
    for fault in told(comparison.faults):
        _say(f"Not estimated: {fault}")
    command = f"analysis compare {options.BUNDLE.name} {options.PLAN.name} {options.OUT.name}"
    print(write(comparison, options.OUT, command=command))
    print(f"Report: {options.OUT / 'report.html'}")


def _describe(options: argparse.Namespace) -> None:
    from . import load
    from .report import PROVENANCE_FILE, describe
    from .result import refuse_to_replace

    refuse_to_replace(options.OUT, PROVENANCE_FILE)
    _say(f"Reading {options.BUNDLE.name} ...")
    dataset = load.read(options.BUNDLE, options.PLAN)
    _say(f"Describing {len(dataset['people']):,} people ...")
    command = f"analysis describe {options.BUNDLE.name} {options.PLAN.name} {options.OUT.name}"
    print(describe(dataset, options.OUT, command=command))
    print(f"Description: {options.OUT / 'report.html'}")


def _check(options: argparse.Namespace) -> None:
    from . import load

    dataset = load.read(options.BUNDLE, options.PLAN)
    for name, table in dataset.tables.items():
        print(f"{name}: {len(table):,} rows")
    for notice in dataset.notices:
        print(f"Note: {notice.text}")
    print("The bundle keeps the contract.")


def _convert(options: argparse.Namespace) -> None:
    from instruments import bundle, flat

    from .result import refuse_to_replace

    refuse_to_replace(options.OUT, bundle.PACKAGE_FILE)
    _say(f"Reading what {options.MAPPING.name} names ...")
    found = flat.read(options.MAPPING)
    _say(f"Writing {options.OUT.name} ...")
    rows = bundle.write(options.OUT, found.tables, found.plan_text, made_by="analysis convert")
    for name, count in rows.items():
        print(f"{name}: {count:,} rows")


_BUNDLE = ("BUNDLE", "folder of a dataset bundle", False)
_COMMANDS = (
    (
        "compare",
        _compare,
        (_BUNDLE, ("PLAN", "the analysis plan (TOML)", False), ("OUT", "folder for the report", False)),
        "Compare the arms as the plan says, and write a report.",
        "analysis compare bundle bundle/plan.toml out",
    ),
    (
        "describe",
        _describe,
        (_BUNDLE, ("PLAN", "the analysis plan (TOML)", False), ("OUT", "folder for the description", False)),
        "Describe what a bundle holds, without outcomes by arm: for checks by who must stay blind.",
        "analysis describe bundle bundle/plan.toml described",
    ),
    (
        "check",
        _check,
        (_BUNDLE, ("PLAN", "an analysis plan to check it against (otherwise the bundle's own)", True)),
        "Check that a bundle keeps the dataset contract.",
        "analysis check bundle",
    ),
    (
        "convert",
        _convert,
        (("MAPPING", "mapping file (TOML) that says which column means what", False), ("OUT", "new bundle", False)),
        "Turn somebody else's flat tables into a bundle.",
        "analysis convert mapping.toml bundle",
    ),
)

if __name__ == "__main__":
    sys.exit(main())

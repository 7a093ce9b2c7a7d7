"""The command `analysis`: compare, describe, check, convert."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .progress import Progress

if TYPE_CHECKING:
    from .load import Dataset

DONE, BAD_INPUT = 0, 2
SHOWN_FAULTS = 20
LARGEST_SEED = 2**63 - 1
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
"""Threads inside numpy wait for one another longer than they work on matrices of a few hundred rows."""
ABOUT = """\
Turns a dataset bundle into a controlled comparison.

  analysis convert mapping.toml bundle          somebody's flat table becomes a bundle
  analysis check bundle                         does the bundle keep the contract?
  analysis check bundle bundle/plan.toml        is it fit for the plan? says nothing of how the arms fare
  analysis describe bundle bundle/plan.toml out the same as a page, outcomes of everybody together
  analysis compare bundle bundle/plan.toml out  the report, in out/report.html

`analysis COMMAND --help` says more. Every command ends with 0, or with 2 and a line for everything that does not fit.
What is asked for goes to stdout, what is being done to stderr.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit code 0 when done, 2 for bad input, which is named on stderr and leaves nothing behind."""
    if "numpy" not in sys.modules:  # it looks once, when it is loaded; processes started later follow
        os.environ.update(ONE_THREAD | os.environ)

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


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("analysis", description=ABOUT, formatter_class=formatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for each in _COMMANDS:
        text = f"{each.summary}\n\n{each.more}\n\n" + "\n  ".join(["For example:", *each.examples])
        command = commands.add_parser(each.name, help=each.summary, description=text, formatter_class=formatter)
        for argument, meaning, optional in each.arguments:
            command.add_argument(argument, type=Path, help=meaning, nargs="?" if optional else None)
        for option in each.options:
            _OPTIONS[option](command)
        command.set_defaults(run=each.run)
    return parser


def _whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number between two others."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least} to {most}; give one")
        return int(text)

    return read


def _cores() -> int:
    """How many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return (len(allowed(0)) if allowed else os.cpu_count()) or 1


def _seed(command: argparse.ArgumentParser) -> None:
    meaning = "draw random numbers from this seed in place of the plan's; the report says so"
    command.add_argument("--seed", type=_whole(0, LARGEST_SEED), metavar="N", help=meaning)


def _jobs(command: argparse.ArgumentParser) -> None:
    meaning = "processes that may work at once where there is much to do (here: %(default)s); the answer is the same"
    command.add_argument("--jobs", type=_whole(1, 1024), default=_cores(), metavar="N", help=meaning)


def _quiet(command: argparse.ArgumentParser) -> None:
    command.add_argument("--quiet", action="store_true", help="do not say what is being done; faults are said")


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {"seed": _seed, "jobs": _jobs, "quiet": _quiet}


def _typed(options: argparse.Namespace, command: str) -> str:
    """What makes the same report again, for the record: without what does not matter to it, and without folders."""
    words = ["analysis", command, *(path.name for path in (options.BUNDLE, options.PLAN, options.OUT))]
    return " ".join(words if options.seed is None else [*words, f"--seed {options.seed}"])


def _without_effect(options: argparse.Namespace, steps: Sequence[str]) -> None:
    """Say so where a seed was given and no step draws random numbers, and forget it."""
    if options.seed is not None and not steps:
        print(f"--seed {options.seed} has no effect: nothing here draws random numbers.", file=sys.stderr, flush=True)
        options.seed = None


def _compare(options: argparse.Namespace) -> None:
    from . import load
    from .report import PROVENANCE_FILE, compare, random_steps, told, write
    from .result import refuse_to_replace

    refuse_to_replace(options.OUT, PROVENANCE_FILE)
    progress = Progress(sys.stderr, options.quiet)
    progress.say(f"Reading {options.BUNDLE.name} ...")
    dataset = load.read(options.BUNDLE, options.PLAN)
    _without_effect(options, random_steps(dataset.plan))
    dataset = load.reseeded(dataset, options.seed)
    progress.say(f"Comparing {len(dataset['people']):,} people ...")
    with progress:
        comparison = compare(dataset, jobs=options.jobs, watch=progress.bar)
    progress.say(f"Writing {options.OUT.name} ...")
    for fault in told(comparison.faults):
        print(f"Not estimated: {fault}", file=sys.stderr, flush=True)
    print(write(comparison, options.OUT, command=_typed(options, "compare")))
    print(f"Report: {options.OUT / 'report.html'}")


def _describe(options: argparse.Namespace) -> None:
    from . import load
    from .report import PROVENANCE_FILE, describe
    from .result import refuse_to_replace

    refuse_to_replace(options.OUT, PROVENANCE_FILE)
    progress = Progress(sys.stderr, options.quiet)
    progress.say(f"Reading {options.BUNDLE.name} ...")
    dataset = load.read(options.BUNDLE, options.PLAN)
    _without_effect(options, ())
    progress.say(f"Describing {len(dataset['people']):,} people ...")
    print(describe(dataset, options.OUT, command=_typed(options, "describe")))
    print(f"Description: {options.OUT / 'report.html'}")


def _check(options: argparse.Namespace) -> None:
    from . import load

    dataset = load.read(options.BUNDLE, options.PLAN)
    for name, table in dataset.tables.items():
        print(f"{name}: {len(table):,} rows")
    for notice in dataset.notices:
        print(f"Note: {notice.text}")
    print("The bundle keeps the contract.")
    if options.PLAN is not None:
        _check_fitness(dataset, options)


def _check_fitness(dataset: Dataset, options: argparse.Namespace) -> None:
    """Print what the dataset holds for each outcome of the plan; faults are raised once all of it is said."""
    from .report import fitness, in_lines
    from .result import AnalysisError

    progress = Progress(sys.stderr, options.quiet)
    progress.say(f"Trying the methods of {options.PLAN.name} on made-up outcomes ...")
    with progress:
        found = fitness(dataset, jobs=options.jobs, watch=progress.bar)
    for table in found.tables:
        print("", *in_lines(table), sep="\n")
    print("", *(f"Note: {note}" for note in found.notes), sep="\n")
    if found.faults:
        raise AnalysisError(*found.faults, f"The bundle is not fit for {options.PLAN.name}.")
    print(f"The bundle is fit for {options.PLAN.name}.")


def _convert(options: argparse.Namespace) -> None:
    from instruments import bundle, flat

    from .result import refuse_to_replace

    refuse_to_replace(options.OUT, bundle.PACKAGE_FILE)
    progress = Progress(sys.stderr, options.quiet)
    progress.say(f"Reading what {options.MAPPING.name} names ...")
    found = flat.read(options.MAPPING)
    progress.say(f"Writing {options.OUT.name} ...")
    rows = bundle.write(options.OUT, found.tables, found.plan_text, made_by="analysis convert")
    for name, count in rows.items():
        print(f"{name}: {count:,} rows")
    if found.left_out:
        print(found.said_of_left_out)


@dataclass(frozen=True, slots=True)
class _Command:
    """A command: what it takes, and what its help says. An argument is a name, its meaning, and whether it may lack."""

    name: str
    run: Callable[[argparse.Namespace], None]
    arguments: tuple[tuple[str, str, bool], ...]
    options: tuple[str, ...]
    summary: str
    more: str
    examples: tuple[str, ...]


_BUNDLE = ("BUNDLE", "folder of a dataset bundle", False)
_PLAN = ("PLAN", "the analysis plan (TOML)", False)
_COMMANDS = (
    _Command(
        "compare",
        _compare,
        (_BUNDLE, _PLAN, ("OUT", "folder for the report; an earlier report there is replaced", False)),
        ("seed", "jobs", "quiet"),
        "Compare the arms as the plan says, and write a report.",
        "The same bundle, plan and seed give the same report, whatever --jobs says.",
        (
            "analysis compare bundle bundle/plan.toml out",
            "analysis compare bundle bundle/plan.toml out-7 --seed 7    how much do the random numbers matter?",
        ),
    ),
    _Command(
        "describe",
        _describe,
        (_BUNDLE, _PLAN, ("OUT", "folder for the description; an earlier one there is replaced", False)),
        ("seed", "quiet"),
        "Describe what a bundle holds, without outcomes by arm: for checks by who must stay blind.",
        "Who takes part, who was lost and what was delivered, by arm; outcomes of everybody together.",
        ("analysis describe bundle bundle/plan.toml described",),
    ),
    _Command(
        "check",
        _check,
        (_BUNDLE, ("PLAN", "a plan: is the bundle fit for it?", True)),
        ("jobs", "quiet"),
        "Check that a bundle keeps the dataset contract and, with a plan, whether it is fit for that plan.",
        "With a plan: how many people and sites can be compared on each outcome, which covariates are known, how many\n"
        "days lie between, and which methods would refuse and why. Methods are tried on made-up outcomes, so that\n"
        "nobody learns how the arms fare. Ends with 2 where something planned cannot be done.",
        ("analysis check bundle", "analysis check bundle bundle/plan.toml"),
    ),
    _Command(
        "convert",
        _convert,
        (("MAPPING", "mapping file (TOML) that says which column means what", False), ("OUT", "new bundle", False)),
        ("quiet",),
        "Turn somebody else's flat tables into a bundle.",
        "Nothing is guessed: what is not mapped stays empty, and every row that does not fit is named.",
        ("analysis convert mapping.toml bundle",),
    ),
)

if __name__ == "__main__":
    sys.exit(main())

"""The only writer: a comparison becomes a page, tidy tables, figures and a record of how they were made."""

from __future__ import annotations

import csv
import io
import json
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from instruments.bundle import cell
from instruments.dataset import CONTRACT_VERSION
from instruments.plan import Outcome, Plan

from ..cohort import Cohort, assemble, scales
from ..disclosure import WITHHELD, Gate, ReleasedTable
from ..load import Dataset
from ..result import Estimate, Fitted, refuse_to_replace
from .checking import fitness, in_lines
from .comparison import Comparison, compare, told
from .contents import Contents, lay_out
from .description import lay_out_description
from .families import adjusted
from .outcomes import analysed_key
from .page import page
from .sensitivity import side_key

__all__ = ["Comparison", "compare", "describe", "fitness", "in_lines", "random_steps", "told", "write"]

ESTIMATE_COLUMNS = (
    "outcome", "timepoint", "term", "estimate", "std_error", "df", "conf_low", "conf_high", "p_value", "n",
    "n_clusters", "method", "scale", "unit",
)  # fmt: skip
ADJUSTED = "p_adjusted"
PROVENANCE_FILE = "provenance.json"
DRAWING = ("wild-bootstrap", "permutation")
PACKAGES = ("numpy", "scipy", "pandas", "matplotlib")


def write(comparison: Comparison, folder: Path, *, command: str = "") -> str:
    """Write a report: the page, `estimates` and `sensitivity` as CSV and JSON, `tables/`, `figures/`, provenance.

    Parameters
    ----------
    comparison
        What `compare` gave.
    folder
        Where it goes; a report that is there is replaced once the new one is whole.
    command
        The command that asked for it, for the record.

    Returns
    -------
    str
        The headline.

    Raises
    ------
    AnalysisError
        When the folder holds something else than a report; nothing is written then.
    """
    refuse_to_replace(folder, PROVENANCE_FILE)
    whole = lay_out(comparison)
    provenance = _provenance(
        comparison.cohort, command or "analysis.compare from Python", random_steps(comparison.plan)
    )
    _put(folder, {**dict(_estimates_files(comparison, whole)), **dict(_files(whole, provenance))})
    return whole.headline


def describe(dataset: Dataset, folder: Path, *, command: str = "") -> str:
    """Write what a dataset holds, without outcomes by arm, for who must not know yet how the arms compare.

    Parameters
    ----------
    dataset
        What `load.read` gave.
    folder
        Where it goes; a report that is there is replaced once the new one is whole.
    command
        The command that asked for it, for the record.

    Returns
    -------
    str
        The headline.

    Raises
    ------
    AnalysisError
        When the folder holds something else than a report, or the dataset makes no cohort; nothing is written then.
    """
    refuse_to_replace(folder, PROVENANCE_FILE)
    cohort = assemble(dataset)
    whole = lay_out_description(cohort)
    _put(folder, dict(_files(whole, _provenance(cohort, command or "analysis.describe from Python", ()))))
    return whole.headline


def _put(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder beside, and put it in the place of the old one once it is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, text in files.items():
            (draft / name).parent.mkdir(exist_ok=True)
            (draft / name).write_text(text, encoding="utf-8")
        _replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _replace(draft: Path, folder: Path) -> None:
    draft.chmod(0o755)
    old = folder.with_name(f".{folder.name}-old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _estimates_files(comparison: Comparison, whole: Contents) -> Iterator[tuple[str, str]]:
    planned = [*_estimates(comparison, whole.gate)]
    yield "estimates.csv", _csv((*ESTIMATE_COLUMNS, ADJUSTED), planned)
    yield "estimates.json", _json(planned)
    beside = [*_sensitivity(comparison, whole.gate)]
    yield "sensitivity.csv", _csv(ESTIMATE_COLUMNS, beside)
    yield "sensitivity.json", _json(beside)


def _files(whole: Contents, provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "report.html", page(whole, provenance)
    yield PROVENANCE_FILE, _json(provenance)
    for table in whole.tables:
        yield f"tables/{table.name}.csv", _csv(("row", "column", "statistic", "value"), _tidy(table))
    for drawing in whole.drawings:
        yield f"figures/{drawing.name}.svg", drawing.svg


def _estimates(comparison: Comparison, gate: Gate) -> Iterator[dict[str, Any]]:
    """Every answer and every coefficient in tidy columns, as far as the gate lets them."""
    families = adjusted(comparison.plan, comparison.fitted)
    for outcome in comparison.estimated:
        fitted, own = comparison.fitted[outcome.id], families.get(outcome.id)
        n = gate.count(analysed_key(outcome, "both"), sum(fitted.n))
        for place, row in enumerate(_rows(outcome, _once(fitted), fitted, n, gate)):
            yield row | {ADJUSTED: own.shown(gate) if own and not place else None}


def _sensitivity(comparison: Comparison, gate: Gate) -> Iterator[dict[str, Any]]:
    """The same of every method beside the planned one, apart, so that nobody takes one for the other."""
    for outcome in comparison.estimated:
        for each in comparison.beside.get(outcome.id, ()):
            if each.fitted is not None:
                same = each.fitted.n == comparison.fitted[outcome.id].n
                key = analysed_key(outcome, "both") if same else side_key(outcome, each.method, "both")
                yield from _rows(outcome, _once(each.fitted), each.fitted, gate.count(key, sum(each.fitted.n)), gate)


def _rows(
    outcome: Outcome, estimates: Iterable[Estimate], fitted: Fitted, n: int | str, gate: Gate
) -> Iterator[dict[str, Any]]:
    about = {"outcome": outcome.id, "timepoint": outcome.timepoint}
    for estimate in estimates:
        row = {name: getattr(estimate, name) for name in ESTIMATE_COLUMNS[2:]}
        if gate.is_small(fitted.rests_on(estimate.term)):
            row |= dict.fromkeys(("estimate", "std_error", "df", "conf_low", "conf_high", "p_value"))
        yield about | row | {"n": n}


def _once(fitted: Fitted) -> tuple[Estimate, ...]:
    """Answers first, then the coefficients that are not answers already."""
    return (*fitted.answers, *(term for term in fitted.terms if term not in fitted.answers))


def _tidy(table: ReleasedTable) -> Iterator[dict[str, object]]:
    for label, cells in table.rows:
        for column, released in zip(table.columns, cells, strict=True):
            values = released.values or ({"text": released.text} if released.text else {})
            for statistic, value in values.items():
                yield {"row": label, "column": column, "statistic": statistic, "value": value}


def _csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV text; no cell is one that a spreadsheet would run."""
    target = io.StringIO()
    writer = csv.DictWriter(target, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return target.getvalue()


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _provenance(cohort: Cohort, command: str, drawn: Sequence[str]) -> dict[str, Any]:
    """What another person needs to make the same report again; `drawn` are the steps that draw random numbers."""
    plan = cohort.plan
    return {
        "Command": command,
        "Plan": {"study": plan.id, "SHA-256": cohort.dataset.planned.sha256},
        "Dataset contract": CONTRACT_VERSION,
        "SHA-256 of the files read": dict(cohort.dataset.hashes),
        "Versions": {"link-worker-kit": _version(), "python": platform.python_version()}
        | {name: metadata.version(name) for name in PACKAGES},
        "Seed": f"{_seed(plan, cohort.dataset.planned)} ({_use_of_seed(drawn)})",
        "Small numbers": _small_numbers(plan.small_number),
    }


def _seed(plan: Plan, planned: Plan) -> str:
    return str(plan.seed) if plan.seed == planned.seed else f"{plan.seed}, in place of the plan's {planned.seed}"


def random_steps(plan: Plan) -> list[str]:
    """Name the steps of a comparison that draw random numbers; a description has none."""
    named = [method for method in DRAWING if any(method in outcome.methods for outcome in plan.outcomes)]
    return ["imputations", *named] if scales(plan) else named


def _use_of_seed(drawn: Sequence[str]) -> str:
    if not drawn:
        return "no step of this report draws random numbers"
    return f"random numbers are drawn from it for: {', '.join(drawn)}"


def _small_numbers(threshold: int) -> str:
    if threshold < 2:
        return "all counts are shown, as the plan says"
    return (
        f"<{threshold} stands for a count from 1 to {threshold - 1}, n<{threshold} for a number about that few people, "
        f"{WITHHELD} for what would give one of them away"
    )


def _version() -> str:
    try:
        return metadata.version("link-worker-kit")
    except metadata.PackageNotFoundError:
        return "run from a checkout, not installed"

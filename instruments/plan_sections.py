"""Sections of a plan that few plans need: subgroups, tests of several outcomes, what was delivered, harms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .plan_reader import Reader

MULTIPLICITY = ("holm", "hochberg", "none")
"""How p-values of several outcomes are adjusted; the first is the usual way."""
IMPUTATIONS = 20
INTERVENTION_TEXTS: Mapping[str, str] = {
    "name": "Brief name",
    "why": "Why: rationale, theory, goal",
    "materials": "What: materials",
    "procedures": "What: procedures",
    "who": "Who provided: training and background",
    "how": "How it was delivered",
    "where": "Where it was delivered",
    "when": "When and how much",
    "tailoring": "Tailoring",
    "modifications": "Modifications during the study",
    "fidelity": "How well: as planned",
}
"""What a plan may write about the intervention, by the items of the TIDieR checklist in their order."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A covariate by whose levels the primary outcome is looked at; a number has levels from each of `cut` on."""

    name: str
    label: str
    cut: tuple[float, ...] = ()


def subgroups(reader: Reader, tree: Mapping[str, Any], kinds: Mapping[str, str]) -> tuple[Subgroup, ...]:
    """Read the subgroups; `kinds` are those of the declared covariates, by name."""
    found = []
    for path, entry in reader.entries(tree, "subgroups", ("name", "label", "cut")):
        name = reader.text(entry, path, "name")
        if name and name not in kinds:
            reader.fault(f"{path}.name", f"'{name}' is not declared; add it under [covariates] with its kind")
        label = reader.text(entry, path, "label", name or "subgroup")
        found.append(Subgroup(name, label, _cut(reader, entry, path, kinds.get(name, ""))))
    reader.unique("subgroups", (subgroup.name for subgroup in found))
    return tuple(found)


def _cut(reader: Reader, entry: Mapping[str, Any], path: str, kind: str) -> tuple[float, ...]:
    if kind != "number":
        if kind and "cut" in entry:
            reader.fault(f"{path}.cut", "means nothing beside a category; take it out")
        return ()
    cut = reader.numbers(entry, path, "cut")
    if not cut or any(low >= high for low, high in pairwise(cut)):
        reader.fault(f"{path}.cut", "needs the numbers at which the levels begin, in rising order, such as [65, 80]")
    return cut


def family(reader: Reader, entry: Mapping[str, Any], path: str, *, primary: bool) -> str:
    """The outcomes that an outcome is tested with; the primary outcome is tested by itself."""
    if "family" not in entry:
        return ""
    if primary:
        reader.fault(f"{path}.family", "means nothing for the primary outcome, which is tested by itself; take it out")
    return reader.text(entry, path, "family")


def intervention(reader: Reader, tree: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the plan writes about the intervention, by item, in the order of the checklist."""
    section = reader.part(tree, "intervention", INTERVENTION_TEXTS)
    return tuple((item, reader.text(section, "intervention", item)) for item in INTERVENTION_TEXTS if item in section)


def harms(reader: Reader, tree: Mapping[str, Any]) -> str:
    """How the plan says that harms are looked for; empty where it does not."""
    section = reader.part(tree, "harms", ("sought",))
    return reader.text(section, "harms", "sought") if "harms" in tree else ""


def only_where_used(tree: dict[str, Any]) -> None:
    """Take out of a plan's canonical form what stands at its default, so that older plans keep their hash."""
    usual: dict[str, object] = {"subgroups": (), "intervention": (), "harms": ""}
    usual |= {"multiplicity": MULTIPLICITY[0], "imputations": IMPUTATIONS}
    for name in [name for name, value in usual.items() if tree[name] == value]:
        del tree[name]

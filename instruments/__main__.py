"""`python -m instruments`: look at the instruments, check a definition of your own, score a table.

python -m instruments list
python -m instruments show phq9
python -m instruments check my-scale-1.toml
python -m instruments wording eq5d-5l > eq5d-5l-1-wording.toml
python -m instruments score answers.csv --instrument eq5d-5l --value-set england-2018-devlin > scored.csv
python -m instruments export phq9 --format xlsform --out phq9.xlsx
python -m instruments import questionnaire.json > my-scale-1.toml
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import FOLDER, UnknownInstrument, from_toml, get, library, value_sets, wording
from .card import card
from .catalogue import markdown
from .definition import BadDefinition, Instrument
from .exchange import fhir, redcap, xlsform
from .exchange.fhir import BadQuestionnaire
from .table import BadTable, score_table
from .value_sets import BadValueTable, UnknownValueSet

REFUSALS = (
    BadDefinition, BadQuestionnaire, BadTable, BadValueTable, UnknownInstrument, UnknownValueSet, OSError,
    UnicodeDecodeError,
)  # fmt: skip


def _as_fhir(instrument: Instrument) -> bytes:
    return (json.dumps(fhir.questionnaire(instrument), indent=2, ensure_ascii=False) + "\n").encode()


def _as_redcap(instrument: Instrument) -> bytes:
    return redcap.dictionary(instrument).encode()


FORMATS = {"fhir": _as_fhir, "redcap": _as_redcap, "xlsform": xlsform.workbook}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if all is well, 1 if a definition has faults, 2 if the request cannot be met."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except REFUSALS as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    kind = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m instruments", description=__doc__, formatter_class=kind)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="the instruments of the library, and the value sets")
    listing.set_defaults(run=_list)

    catalogue = commands.add_parser("catalogue", help="the catalogue as a page, and what was left out")
    catalogue.set_defaults(run=_catalogue)

    words = commands.add_parser("wording", help="wording of your own: an empty file to fill in, or whether one fits")
    words.add_argument("instrument", help="its id, such as eq5d-5l")
    words.add_argument("--version", help="another than the latest")
    words.add_argument("--check", type=Path, metavar="FILE", help="a file that was filled in: does it fit?")
    words.set_defaults(run=_wording)

    show = commands.add_parser("show", help="one instrument as a card to read")
    show.add_argument("instrument", help="its id, such as phq9")
    show.add_argument("--version", help="another than the latest")
    show.set_defaults(run=_show)

    check = commands.add_parser("check", help="whether a definition is sound; without FILE: every one of the library")
    check.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a file named <id>-<version>.toml")
    check.set_defaults(run=_check)

    table = commands.add_parser("score", help="score a CSV table of answers to standard output")
    table.add_argument(
        "file", metavar="FILE.csv", help="columns named by item ids, a row a person; - for standard input"
    )
    table.add_argument("--instrument", required=True, help="its id, such as phq9")
    table.add_argument("--version", help="another than the latest")
    table.add_argument("--value-set", help="another than the default; `list` names them")
    table.add_argument("--in-order", action="store_true", help="the first columns are the items in their order")
    table.set_defaults(run=_score)
    _exchange_parsers(commands)
    return parser


def _exchange_parsers(commands: Any) -> None:
    export = commands.add_parser("export", help="an instrument for another system, to standard output")
    export.add_argument("instrument", help="its id, such as phq9")
    export.add_argument("--version", help="another than the latest")
    export.add_argument(
        "--format", required=True, choices=list(FORMATS),
        help="a FHIR R4 Questionnaire (JSON), a REDCap data dictionary (CSV), or an XLSForm (.xlsx)",
    )  # fmt: skip
    export.add_argument("--out", type=Path, metavar="FILE", help="write there instead; what is there is replaced")
    export.set_defaults(run=_export)

    take = commands.add_parser("import", help="a FHIR R4 Questionnaire of choices as the beginning of a definition")
    take.add_argument("file", type=Path, metavar="FILE.json")
    take.set_defaults(run=_import)


def _list(_: argparse.Namespace) -> int:
    for instrument in library():
        print(f"{instrument.id:<16} {instrument.short_title:<24} {instrument.domain:<32} {instrument.licence.kind}")
    print("\nvalue sets")
    for id in value_sets.known():
        print(f"{id:<28} {value_sets.load(id).title}")
    return 0


def _catalogue(_: argparse.Namespace) -> int:
    print(markdown(library()), end="")
    return 0


def _show(chosen: argparse.Namespace) -> int:
    print(card(get(chosen.instrument.lower(), chosen.version)), end="")
    return 0


def _wording(chosen: argparse.Namespace) -> int:
    instrument = get(chosen.instrument.lower(), chosen.version)
    if chosen.check is None:
        print(wording.template(instrument), end="")
        return 0
    name = chosen.check.name
    try:
        wording.worded(instrument, wording.from_toml(chosen.check.read_text(encoding="utf-8"), name), name)
    except BadDefinition as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{name} fits {instrument.id}, version {instrument.version}")
    return 0


def _check(chosen: argparse.Namespace) -> int:
    faults: list[str] = []
    seen: dict[tuple[str, str], Path] = {}
    files = chosen.files or sorted(FOLDER.glob("*.toml"))
    for file in files:
        try:
            made = from_toml(file)
        except BadDefinition as error:
            faults += error.faults
        except OSError as error:
            faults.append(f"{file}: cannot be read ({error.strerror}); name a file")
        else:
            first = seen.setdefault((made.id, made.version), file)
            if first is not file:
                faults.append(f"{file}: is {made.id}, version {made.version}, as {first} is; give it another version")
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{len(files)} {'definition is' if len(files) == 1 else 'definitions are'} sound")
    return 1 if faults else 0


def _score(chosen: argparse.Namespace) -> int:
    instrument = get(chosen.instrument.lower(), chosen.version)
    if chosen.value_set:
        value_sets.load(chosen.value_set, instrument.id)
    options = {"value_set": chosen.value_set, "in_order": chosen.in_order}
    try:
        if chosen.file == "-":
            scored = score_table(sys.stdin, instrument, **options)
        else:
            with open(chosen.file, encoding="utf-8-sig", newline="") as file:
                scored = score_table(file, instrument, **options)
    except UnicodeDecodeError:
        raise BadTable([f"{chosen.file}: is not text in UTF-8; save it as CSV in UTF-8"]) from None
    for note in scored.notes:
        print(f"note: {note}", file=sys.stderr)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(scored.header)
    writer.writerows(scored.rows)
    return 0


def _export(chosen: argparse.Namespace) -> int:
    content = FORMATS[chosen.format](get(chosen.instrument.lower(), chosen.version))
    if chosen.out:
        chosen.out.write_bytes(content)
        print(f"written to {chosen.out}", file=sys.stderr)
    else:
        sys.stdout.buffer.write(content)
    return 0


def _import(chosen: argparse.Namespace) -> int:
    try:
        source = json.loads(chosen.file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BadQuestionnaire([f"{chosen.file.name}: is not JSON ({error}); give a FHIR R4 Questionnaire"]) from None
    if not isinstance(source, dict):
        raise BadQuestionnaire([f"{chosen.file.name}: is not an object; give a FHIR R4 Questionnaire"])
    print(fhir.definition(source), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

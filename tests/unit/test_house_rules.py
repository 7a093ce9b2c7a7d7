"""The rules of the house. A rule worth a review comment is worth a test; each says how to mend what it finds."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import statistics
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import instruments
import tracker.actions
import tracker.queries
from analysis.estimators import ESTIMATORS, SERIES_METHODS
from instruments.dataset import PRIVACY_CLASSES, TABLES
from tracker.models import Base

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("instruments", "tracker", "analysis", "migrations")
REQUIREMENTS = ROOT / "deploy" / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.lock"))
MADE_BY_TOOLS = {"instance", "build", "dist", "node_modules", "htmlcov", "test-results", "__pycache__"}


def project_files() -> Iterator[Path]:
    """Every file of the project, without what tools make."""
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            hidden = path.name.startswith(".") and path.name != ".ci"
            if path.is_dir() and not (hidden or path.name in MADE_BY_TOOLS or path.suffix == ".egg-info"):
                folders.append(path)
            elif path.is_file() and path.name not in (".coverage", ".git"):
                yield path


def words_of(path: Path) -> str:
    """The text of a file; nothing for pictures and the like."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_files() -> list[Path]:
    """Our own Python, without tests and without migrations, which are written once and never edited."""
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "versions" not in path.parts)


def test_files() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


# pytest collects what is called test_…; this one is a list, not a test.
test_files.__test__ = False  # type: ignore[attr-defined]


def count_lines(paths: list[Path]) -> int:
    return sum(len(words_of(path).splitlines()) for path in paths)


# -------------------------------------------------------------------------------------------- size


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its first statement to its last, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.fixture(scope="module")
def functions() -> dict[str, int]:
    """Length of every function of ours, by place and name."""
    return {
        f"{shown(path)}:{node.lineno} {node.name}": body_length(node)
        for path in code_files()
        for node in ast.walk(ast.parse(words_of(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_no_function_is_longer_than_sixty_lines(functions: dict[str, int]):
    too_long = {place: length for place, length in functions.items() if length > 60}
    assert not too_long, "take these apart by what they do"


def test_most_functions_are_short(functions: dict[str, int]):
    lengths = sorted(functions.values())
    longest = sorted(functions, key=functions.__getitem__)[-10:]
    assert statistics.median(lengths) <= 8, "half of all functions should have at most 8 lines"
    assert lengths[int(len(lengths) * 0.95)] <= 35, f"19 of 20 should have at most 35; the longest: {longest}"


def test_no_file_is_longer_than_five_hundred_lines():
    too_long = {shown(path): count_lines([path]) for path in code_files() if count_lines([path]) > 500}
    assert not too_long, "split these by noun, keeping the module's name, so that imports do not change"


def test_there_are_three_lines_of_tests_for_two_of_code():
    code, tests = count_lines(code_files()), count_lines(test_files())
    wanted = code * 3 // 2 - tests
    assert wanted <= 0, (
        f"{tests} lines of tests for {code} of code. About {wanted} more are wanted: "
        "look for what nobody would notice if it broke (`./kit test --cov`), or for code that can go"
    )


# ------------------------------------------------------------------------------------ what is said


def test_nothing_names_the_machine_it_was_written_on():
    somebody_s_folder = re.compile(r"(?<![\w.$}>)*~-])/(?:home|root|Users|work|mnt)/[\w.]")
    found = [
        f"{shown(path)}: {match.group(0)}…"
        for path in project_files()
        for match in somebody_s_folder.finditer(words_of(path))
    ]
    assert not found, "name paths from the top of the checkout, or take them from the environment"


def test_nothing_names_the_host_of_a_package_registry():
    hosts = [f"{name}.{ending}" for name, ending in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"),
             ("npmjs", "com"), ("deb.debian", "org"), ("crates", "io"))]  # fmt: skip
    found = [f"{shown(path)}: {host}" for path in project_files() for host in hosts if host in words_of(path)]
    assert not found, "packages come from wherever the reader's own settings say"


# ------------------------------------------------------------------------------------------- locks


def pins(lock: Path) -> dict[str, set[str]]:
    """Versions of each package that a lock allows; there can be several, for different Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", lock.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def asked_for(wanted: Path) -> list[str]:
    return re.findall(r"^([A-Za-z0-9][\w.-]*)", wanted.read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_holds_hashes_and_no_address(lock: Path):
    text = lock.read_text()
    assert not re.findall(r"\S*://\S*", text), "`./kit lock` makes locks without addresses"
    unhashed = [line for line in re.findall(r"^\S+==.*$", text, re.MULTILINE) if not line.endswith("\\")]
    assert pins(lock)
    assert not unhashed, "`./kit lock` writes a hash for every file"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_locks_agree_with_each_other(lock: Path):
    everything = pins(REQUIREMENTS / "test.lock")
    differing = {name: versions for name, versions in pins(lock).items() if versions != everything.get(name)}
    assert not differing, "what is tested is what runs: `./kit lock` resolves them together"


@pytest.mark.parametrize("wanted", sorted(REQUIREMENTS.glob("*.in")), ids=lambda path: path.stem)
def test_everything_asked_for_is_locked(wanted: Path):
    asked = asked_for(wanted)
    locked = pins(wanted.with_suffix(".lock"))
    assert asked
    assert [name for name in asked if name.lower() not in locked] == [], "give `./kit lock`"


# ----------------------------------------------------------------------------------------- imports


def imported_by(path: Path) -> set[str]:
    """First names of what a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(words_of(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_instruments_needs_nothing_but_python():
    files = sorted((ROOT / "instruments").rglob("*.py"))
    foreign = {shown(path): imported_by(path) - sys.stdlib_module_names - {"instruments"} for path in files}
    assert files
    assert not {path: names for path, names in foreign.items() if names}, "anyone can use the instruments"


@pytest.mark.parametrize(("room", "lists"), [("tracker", ["run", "postgres"]), ("analysis", ["run", "analysis"])])
def test_everything_imported_is_asked_for_by_name(room: str, lists: list[str]):
    """What is only there because something else needs it may be gone with the next version."""
    names = {name for path in (ROOT / room).rglob("*.py") for name in imported_by(path)}
    foreign = names - sys.stdlib_module_names - set(ROOMS)
    asked = {name.lower() for each in lists for name in asked_for(REQUIREMENTS / f"{each}.in")}
    belongs_to = packages_distributions()
    missing = {name for name in foreign if not asked & {owner.lower() for owner in belongs_to.get(name, [])}}
    assert foreign
    assert not missing, "add it to the right file in deploy/requirements and give `./kit lock`"


@pytest.mark.parametrize("room", ["instruments", "tracker", "analysis"])
def test_every_folder_with_python_in_it_is_a_package(room: str):
    folders = {path.parent for path in (ROOT / room).rglob("*.py")}
    bare = [shown(folder) for folder in folders if not (folder / "__init__.py").exists()]
    assert not bare, "the wheel carries packages only: add an __init__.py"


# ----------------------------------------------------------------------------------------- records

MOMENTS_WITHOUT_AN_ACTOR = {
    "audit_event.happened_at": "actor_id, which may be nobody: the kit itself",
    "sign_in.started_at": "user_id",
    "sign_in.seen_at": "user_id",
    "sign_in.ended_at": "user_id, or the time-out",
    "sign_in_failure.failed_at": "nobody has signed in",
    "passkey.used_at": "user_id",
    "held_form.held_at": "user_id",
    "self_completion.opened_at": "whoever has the link: the person who answers",
    "self_completion.seen_at": "the person who answers",
    "self_completion.finished_at": "the person who answers",
}


def columns() -> dict[str, str | None]:
    """Privacy class of every column, by table and name."""
    return {
        f"{table.name}.{column.name}": column.info.get("privacy")
        for table in Base.metadata.tables.values()
        for column in table.columns
    }


def test_every_moment_has_its_actor():
    known = columns()
    alone = {name for name in known if name.endswith("_at") and name.removesuffix("_at") + "_by" not in known}
    assert alone == set(MOMENTS_WITHOUT_AN_ACTOR), "pair every _at with a _by, or say above who acted"


def test_every_actor_has_a_moment():
    known = columns()
    alone = [name for name in known if name.endswith("_by") and name.removesuffix("_by") + "_at" not in known]
    assert not alone


def test_every_column_has_a_privacy_class():
    unknown = {name: privacy for name, privacy in columns().items() if privacy not in PRIVACY_CLASSES}
    assert not unknown, f"declare it with column(); the classes are {', '.join(PRIVACY_CLASSES)}"


def singular(dataset_table: str) -> str:
    return {"people": "person"}.get(dataset_table, dataset_table.removesuffix("s"))


def test_nothing_private_has_a_place_in_a_dataset():
    """A dataset's column may bear the name of a private one only if its own record has an open one of that name."""
    classes = columns()
    never = {name.partition(".")[2] for name, privacy in classes.items() if privacy == "never"}
    assert {"nhs_number", "date_of_birth", "password"} <= never
    for table in TABLES.values():
        for column in table.names:
            own = classes.get(f"{singular(table.name)}.{column}")
            assert own not in ("never", "text"), f"{table.name}.{column} is '{own}' in the tracker"
            assert own or column not in never, f"{table.name}.{column} bears the name of a column marked 'never'"


# ------------------------------------------------------------------------------------- instruments

DEFINITIONS = sorted((ROOT / "instruments" / "library").glob("*.toml"))


@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda file: file.stem)
def test_every_instrument_exists_under_its_name_and_shows_a_worked_example(file: Path):
    id, _, version = file.stem.rpartition("-")
    instrument = instruments.get(id, version)
    assert (instrument.id, instrument.version) == (id, version)
    assert instrument.examples, "a definition without an example cannot be checked by a reader"


# ----------------------------------------------------------------------------------- reads and writes

MACHINERY = {"tracker.actions.audit", "tracker.actions.passwords", "tracker.actions.refusal"}
NO_WRITES = {
    "people.nhs_number_fault": "looks at ten digits and at nothing else",
    "directory.email_fault": "looks at an address and at nothing else",
    "directory.phone_fault": "looks at a number and at nothing else",
    "directory.website_fault": "looks at an address and at nothing else",
}
NOT_IN_THE_TRAIL = {
    "held_forms.hold": "nothing is recorded by it; what is saved in the end has its row",
    "held_forms.let_go": "nothing was recorded",
    "care.hand_over_faults": "only looks at what could not be handed over",
    "self_completion.keep_answer": "keeps the answer by drafts.keep_answers, which writes the row",
    "self_completion.note_guess": "nobody is signed in; the digest is kept for the throttle only",
    "self_completion.wait_before_guess": "only looks at what the throttle kept",
    "second_factor.accept_code": "the sign-in that follows says that it was by a code",
    "second_factor.use_passkey": "the sign-in that follows says that it was by a passkey",
    "staff.forget_failures": "clears digests that the throttle kept",
    "staff.note_failure": "nobody is signed in; the digests are kept for the throttle only",
    "staff.wait_before_sign_in": "only looks at what the throttle kept",
    "staff.touch_sign_in": "once a request; the trail keeps the beginning and the end",
    "staff.user_datastore": "hands the sign-in library its own reader",
}


def public_functions(package: ModuleType) -> dict[str, FunctionType]:
    """Functions that the modules of a package define and offer, by module and name."""
    found = {}
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for name, function in vars(module).items():
            if isinstance(function, FunctionType) and function.__module__ == info.name and not name.startswith("_"):
                found[f"{info.name}.{name}".removeprefix(f"{package.__name__}.")] = function
    return found


def actions() -> dict[str, FunctionType]:
    found = public_functions(tracker.actions)
    return {name: function for name, function in found.items() if function.__module__ not in MACHINERY}


def test_every_action_is_called_by_name_and_says_by_whom():
    loose = {
        name
        for name, function in actions().items()
        if "by" not in (named := inspect.signature(function).parameters)
        or any(parameter.kind is not parameter.KEYWORD_ONLY for parameter in named.values())
    }
    assert loose == set(NO_WRITES), "begin the parameters of an action with `*, by: User`"


def calls(function: FunctionType) -> set[str]:
    """Names that a function calls, and that those of its own module call in turn."""
    reached: set[str] = set()
    waiting = [function]
    while waiting:
        tree = ast.parse(textwrap.dedent(inspect.getsource(waiting.pop())))
        names = {
            call.func.id for call in ast.walk(tree) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        }
        own = (function.__globals__.get(name) for name in names - reached)
        waiting += [each for each in own if isinstance(each, FunctionType) and each.__module__ == function.__module__]
        reached |= names
    return reached


def test_every_action_leaves_its_row_in_the_trail():
    silent = {name for name, action in actions().items() if "write_event" not in calls(action)}
    assert silent == set(NO_WRITES) | set(NOT_IN_THE_TRAIL), "call write_event, in the caller's transaction"


def test_no_action_and_no_query_ends_its_caller_s_transaction():
    ends = re.compile(r"\.(commit|rollback|transaction)\(")
    files = [path for folder in ("actions", "queries") for path in (ROOT / "tracker" / folder).rglob("*.py")]
    found = [shown(path) for path in files if ends.search(words_of(path))]
    assert files
    assert not found, "views and commands hold the transaction; what they call is all of it or nothing"


def test_every_query_starts_from_who_is_asking():
    queries = public_functions(tracker.queries)
    unscoped = {
        name
        for name, function in queries.items()
        if "by" not in (signature := inspect.signature(function)).parameters
        and not str(signature.return_annotation).startswith("ColumnElement")  # a condition reads nothing by itself
    }
    assert queries
    assert not unscoped, "take the asker as `by` and start from what they may see"


# ----------------------------------------------------------------------------------------- templates

TEMPLATES = ROOT / "tracker" / "templates"


def templates() -> set[str]:
    return {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html")}


def templates_mentioned() -> dict[str, set[str]]:
    """Names of templates in quotation marks, and the files of the tracker that mention them."""
    found: dict[str, set[str]] = {}
    for path in [*(ROOT / "tracker").rglob("*.py"), *TEMPLATES.rglob("*.html")]:
        for name in re.findall(r"[\"']([\w./-]+\.html)[\"']", words_of(path)):
            found.setdefault(name, set()).add(path.as_posix())
    return found


def test_every_template_is_shown_by_somebody():
    mentioned = templates_mentioned()
    unused = {name for name in templates() if not mentioned.get(name, set()) - {(TEMPLATES / name).as_posix()}}
    assert templates()
    assert not unused, "a template that nothing renders, extends, includes or imports can go"


def test_every_template_that_is_mentioned_is_there():
    assert set(templates_mentioned()) <= templates()


# ---------------------------------------------------------------------------------------- estimators


@pytest.mark.parametrize(
    "name", sorted({method.function.__name__ for known in (ESTIMATORS, SERIES_METHODS) for method in known.values()})
)
def test_every_estimator_is_held_to_an_outside_reference(name: str):
    asked = re.compile(rf"\b{name}\(")
    found = [
        path for path in (ROOT / "tests" / "reference").rglob("test_*.py") if asked.search(path.read_text("utf-8"))
    ]
    assert found, f"call {name} in a test in tests/reference, which says where its expected values come from"

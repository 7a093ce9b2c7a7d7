"""Setting a service up from the command line: studies, sites, staff; and the guide that shows it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from instruments import plan
from tests.codes import code
from tests.world import PLAN
from tracker import cli, config
from tracker.cli import workers as processes

PASSWORD = "a-long-enough-password"
ADA = ("--as", "ada@test.example")
Run = Callable[..., Result]


UNSET = (
    "TRACKER_DATABASE_URL", "TRACKER_PROXIES", "TRACKER_SECOND_FACTOR", "TRACKER_PUBLIC_DIRECTORY", "PORT",
)  # fmt: skip


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, list(words))


def at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder, on the installation in it, as nobody's environment says otherwise."""
    monkeypatch.setenv("TRACKER_DATA", str(folder / "data"))
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKER_PASSWORD", PASSWORD)
    monkeypatch.chdir(folder)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    at(tmp_path, monkeypatch)
    return invoke


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result) -> str:
    """The message of a command that ended as it should when it refuses: no traceback, exit code 2."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    return result.output


@pytest.fixture(scope="module")
def staffed(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a study, two sites and one link worker."""
    folder = tmp_path_factory.mktemp("staffed")
    shutil.copytree(installation, folder / "data")
    (folder / "plan.toml").write_text(PLAN, encoding="utf-8")
    user = ("sam@test.example", "--name", "Sam", "--role", "link-worker", "--study", "garden", "--site", "mill")
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(folder, monkeypatch)
        done(invoke("study", "add", "plan.toml", *ADA))
        done(invoke("site", "add", "mill", "--name", "Mill Practice", *ADA))
        done(invoke("site", "add", "quay", "--name", "Quay Practice", *ADA))
        done(invoke("user", "add", *user, *ADA))
    return folder


@pytest.fixture
def installed(run: Run, installation: Path, tmp_path: Path) -> Run:
    shutil.copytree(installation, tmp_path / "data")
    return run


@pytest.fixture
def service(run: Run, staffed: Path, tmp_path: Path) -> Run:
    """A study, sites in it and one link worker there."""
    shutil.copytree(staffed, tmp_path, dirs_exist_ok=True)
    return run


@pytest.fixture
def rows(tmp_path: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    def rows(question: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(tmp_path / "data" / config.DATABASE_FILE)
        try:
            return connection.execute(question).fetchall()
        finally:
            connection.close()

    return rows


def last_action(rows: Callable[[str], list[tuple[Any, ...]]]) -> tuple[Any, ...]:
    return rows("SELECT action, reason FROM audit_event ORDER BY number DESC LIMIT 1")[0]


# ------------------------------------------------------------------------------------------ studies


def test_a_study_is_made_from_its_plan_and_its_hash_is_told(installed: Run, tmp_path: Path):
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    said = done(installed("study", "add", "plan.toml", *ADA))
    assert "Study 'garden', arms intervention, comparison." in said
    assert plan.parse(PLAN).sha256 in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "plan.toml: cannot be read"),
        (b"\xff\xfe", "plan.toml: is not UTF-8 text"),
        (b"[study]\nid = 'x'\n", "plan"),
    ],
)
def test_a_plan_that_is_none_is_refused(installed: Run, tmp_path: Path, content: bytes | None, says: str):
    if content is not None:
        (tmp_path / "plan.toml").write_bytes(content)
    assert says in refused(installed("study", "add", "plan.toml", *ADA))


def test_a_study_does_not_come_in_twice(service: Run, rows):
    assert "'garden': is here already; choose another id" in refused(service("study", "add", "plan.toml", *ADA))
    assert rows("SELECT slug FROM study") == [("garden",)]


def test_a_plan_is_locked_once(service: Run, rows):
    assert plan.parse(PLAN).sha256 in done(service("study", "lock", "garden", *ADA))
    assert rows("SELECT locked_at IS NOT NULL FROM study") == [(1,)]
    assert "locked already" in refused(service("study", "lock", "garden", *ADA))


def test_a_link_worker_may_not_set_studies_up(service: Run):
    for words in (("study", "lock", "garden"), ("site", "add", "pond", "--name", "Pond")):
        assert "use one whose role allows it" in refused(service(*words, "--as", "sam@test.example"))


# -------------------------------------------------------------------------------------------- sites


def test_a_site_keeps_what_is_known_of_it(installed: Run, rows):
    said = done(
        installed(
            "site", "add", "ash-lane", "--name", "Ash Lane Surgery", "--ods-code", "A81001", "--list-size", "8200",
            "--deprivation", "3", "--deprivation-index", "imd2019-quintile", *ADA,
        )
    )  # fmt: skip
    assert "tracker site allocate ash-lane" in said
    assert rows("SELECT slug, name, ods_code, list_size, deprivation, deprivation_index FROM site") == [
        ("ash-lane", "Ash Lane Surgery", "A81001", 8200, 3, "imd2019-quintile")
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("Ash Lane",), "'Ash Lane' is not an id; use small letters, digits and hyphens, such as ash-lane"),
        (("mill",), "'mill': is here already; choose another id"),
        (("x", "--deprivation", "3"), "give --deprivation-index too, or neither"),
        (("x", "--deprivation-index", "imd2019-decile"), "give --deprivation-index too, or neither"),
        (("x", "--deprivation", "6", "--deprivation-index", "imd2019-quintile"), "6 is not a quintile; use 1 to 5"),
        (("x", "--deprivation", "11", "--deprivation-index", "imd2019-decile"), "--deprivation"),
        (("x", "--list-size", "-1"), "--list-size"),
        (("x", "--ods-code", "A8100112345"), "'--ods-code': has 11 characters; write 1 to 10"),
    ],
)
def test_a_site_that_cannot_be_is_refused(service: Run, rows, words: tuple[str, ...], says: str):
    assert says in refused(service("site", "add", *words, "--name", "Mill again", *ADA))
    assert rows("SELECT slug FROM site ORDER BY slug") == [("mill",), ("quay",)]


def test_a_site_without_a_name_is_refused(service: Run):
    assert "'--name': has 0 characters; write 1 to 200" in refused(service("site", "add", "x", "--name", "  ", *ADA))


ALLOCATED = {"--study": "garden", "--arm": "intervention", "--from": "2026-01-05", "--method": "geography"}


def allocate(service: Run, **changes: str) -> Result:
    given = ALLOCATED | {f"--{name}": value for name, value in changes.items()}
    return service("site", "allocate", "mill", *(word for pair in given.items() for word in pair), *ADA)


def test_a_site_is_in_an_arm_from_a_day(service: Run, rows):
    assert "'mill' is in arm 'intervention' of 'garden' from 2026-01-05." in done(allocate(service))
    assert rows("SELECT from_on, method FROM allocation") == [("2026-01-05", "geography")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"from": "05/01/2026"}, "'--from': '05/01/2026' is not a date; write it as 2026-01-05"),
        ({"from": "2026-02-30"}, "'--from': '2026-02-30' is not a date"),
        ({"from": "20260105"}, "'--from': '20260105' is not a date"),
        ({"arm": "both"}, "arm: 'both' is not in the study's plan"),
        ({"study": "orchard"}, "study 'orchard': is not here; known: garden"),
        ({"method": "coin"}, "'--method': 'coin' is not one of 'geography'"),
    ],
)
def test_an_allocation_that_cannot_be_names_its_fault(service: Run, rows, changes: dict[str, str], says: str):
    assert says in refused(allocate(service, **changes))
    assert rows("SELECT count(*) FROM allocation") == [(0,)]


def test_a_site_that_is_not_here_is_not_allocated(service: Run):
    words = [word for pair in ALLOCATED.items() for word in pair]
    assert "site 'pond': is not here; known: mill, quay" in refused(service("site", "allocate", "pond", *words, *ADA))


# -------------------------------------------------------------------------------------------- staff

AT_QUAY = ("--role", "supervisor", "--study", "garden", "--site", "quay")


def roles(service: Run, email: str) -> str:
    return dict(re.findall(r"(\S+@\S+) +(.+)", service("user", "list").output))[email]


def test_a_further_role_is_given_and_ended(service: Run, rows):
    done(service("user", "grant", "sam@test.example", *AT_QUAY, *ADA))
    assert roles(service, "sam@test.example") == "link-worker, supervisor"
    done(service("user", "end", "sam@test.example", *AT_QUAY, "--reason", "Moved", *ADA))
    assert roles(service, "sam@test.example") == "link-worker"
    assert last_action(rows) == ("end_membership", "Moved")


def test_a_role_that_is_held_once_is_ended_without_naming_the_place(service: Run):
    done(service("user", "grant", "sam@test.example", "--role", "administrator", *ADA))
    done(service("user", "end", "sam@test.example", "--role", "administrator", "--reason", "Not needed", *ADA))
    assert roles(service, "sam@test.example") == "link-worker"


def test_a_role_is_not_given_twice(service: Run):
    done(service("user", "grant", "sam@test.example", *AT_QUAY, *ADA))
    assert "holds this role already" in refused(service("user", "grant", "sam@test.example", *AT_QUAY, *ADA))


def test_a_role_held_at_two_places_is_ended_at_the_one_named(service: Run, rows):
    at_mill = ("--role", "supervisor", "--study", "garden", "--site", "mill")
    for place in (AT_QUAY, at_mill):
        done(service("user", "grant", "sam@test.example", *place, *ADA))
    unclear = service("user", "end", "sam@test.example", "--role", "supervisor", "--reason", "Moved", *ADA)
    assert "holds it at several places; name one with --study and --site" in refused(unclear)
    done(service("user", "end", "sam@test.example", *AT_QUAY, "--reason", "Moved", *ADA))
    assert rows(
        "SELECT site.slug FROM membership JOIN site ON site.id = site_id WHERE role = 'supervisor' AND ended_at IS NULL"
    ) == [("mill",)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("grant", "eve@test.example", *AT_QUAY), "eve@test.example: no active account has this address"),
        (
            ("grant", "sam@test.example", "--role", "supervisor", "--study", "garden"),
            "name both with --study and --site",
        ),
        (("grant", "sam@test.example", "--role", "evaluator"), "name it with --study"),
        (("end", "sam@test.example", *AT_QUAY, "--reason", "Moved"), "sam@test.example does not hold it there"),
        (("end", "sam@test.example", *AT_QUAY, "--reason", " "), "'--reason': has 0 characters"),
        (
            ("end", "sam@test.example", *AT_QUAY, "--reason", "x" * 401),
            "'--reason': has 401 characters; write 1 to 400",
        ),
        (("disable", "eve@test.example", "--reason", "Left"), "eve@test.example: no active account"),
        (("password", "eve@test.example"), "eve@test.example: no active account"),
        (("password", "sam@test.example", "--password", "short"), "'--password': is too short; use at least 12"),
        (("password", "sam@test.example", "--password", "x" * 1001), "takes at most 1000 characters"),
    ],
)
def test_what_cannot_be_done_to_staff_names_its_fault(service: Run, rows, words: tuple[str, ...], says: str):
    before = rows("SELECT count(*) FROM audit_event")
    assert says in refused(service("user", *words, *ADA))
    assert rows("SELECT count(*) FROM audit_event") == before


POST = ("user", "post", "sam@test.example", "--site", "mill", "--fte", "0.8", "--from", "2026-01-05")


def test_a_post_is_written_down(service: Run, rows):
    done(service(*POST, "--until", "2026-06-30", *ADA))
    assert rows("SELECT fte, from_on, until_on FROM post") == [(0.8, "2026-01-05", "2026-06-30")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--fte", "0"), "--fte"),
        (("--fte", "80"), "--fte"),
        (("--fte", "nan"), "refused this record"),
        (("--until", "2026-01-04"), "--until 2026-01-04: lies before --from 2026-01-05"),
        (("--until", "June"), "'--until': 'June' is not a date"),
        (("--site", "pond"), "site 'pond': is not here"),
    ],
)
def test_a_post_that_cannot_be_names_its_fault(service: Run, rows, words: tuple[str, ...], says: str):
    assert says in refused(service(*POST, *words, *ADA))
    assert rows("SELECT count(*) FROM post") == [(0,)]


# ---------------------------------------------------------------------------- what a browser then finds


@pytest.fixture
def served(service: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Flask]:
    """The application that `tracker serve` would serve."""
    return lambda *words: application_served(service, monkeypatch, *words)


def application_served(run: Run, monkeypatch: pytest.MonkeyPatch, *words: str) -> Flask:
    """The test asks the application itself; no address is taken."""
    handed: list[Flask] = []
    monkeypatch.setattr(processes, "listen", lambda *_: [])
    monkeypatch.setattr(processes, "serve", lambda app, *_, **__: handed.append(app))
    done(run("serve", *words))
    return handed[0]


def sign_in(app: Flask, email: str, password: str) -> Any:
    """A browser that has tried to sign in over HTTPS."""
    client = app.test_client()
    page = client.get("/sign-in", base_url="https://localhost").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    given = {"email": email, "password": password, "csrf_token": token[1]}
    client.post("/sign-in", base_url="https://localhost", headers={"Referer": "https://localhost/sign-in"}, data=given)
    return client


def is_signed_in(client: Any) -> bool:
    return "/sign-in" not in client.get("/", base_url="https://localhost").headers.get("Location", "")


def test_a_new_password_ends_the_sign_ins_with_the_old_one(service: Run, served: Callable[..., Flask], rows):
    app = served()
    before = sign_in(app, "sam@test.example", PASSWORD)
    assert is_signed_in(before)
    done(service("user", "password", "sam@test.example", "--password", "another-long-password", *ADA))
    assert rows("SELECT actor_id IS NOT NULL FROM audit_event WHERE action = 'set_password'") == [(1,)]
    assert rows("SELECT count(*) FROM audit_event WHERE before LIKE '%argon2%' OR after LIKE '%argon2%'") == [(0,)]
    app = served()
    assert not is_signed_in(before)
    assert not is_signed_in(sign_in(app, "sam@test.example", PASSWORD))
    assert is_signed_in(sign_in(app, "sam@test.example", "another-long-password"))


def test_only_an_administrator_sets_passwords(service: Run, served: Callable[..., Flask]):
    told = service(
        "user", "password", "ada@test.example", "--password", "another-long-password", "--as", "sam@test.example"
    )
    assert "use one whose role allows it" in refused(told)
    assert is_signed_in(sign_in(served(), "ada@test.example", PASSWORD))


def test_a_closed_account_is_signed_out_and_stays_out(service: Run, served: Callable[..., Flask], rows):
    before = sign_in(served(), "sam@test.example", PASSWORD)
    assert is_signed_in(before)
    done(service("user", "disable", "sam@test.example", "--reason", "Left the service", *ADA))
    app = served()
    assert not is_signed_in(before)
    assert not is_signed_in(sign_in(app, "sam@test.example", PASSWORD))
    assert ("disable_user", "Left the service") in rows("SELECT action, reason FROM audit_event")


def test_a_closed_account_is_opened_again(service: Run, served: Callable[..., Flask], rows):
    done(service("user", "disable", "sam@test.example", "--reason", "Left the service", *ADA))
    done(service("user", "enable", "sam@test.example", "--reason", "Came back", *ADA))
    assert is_signed_in(sign_in(served(), "sam@test.example", PASSWORD))
    assert ("enable_user", "Came back") in rows("SELECT action, reason FROM audit_event")
    again = service("user", "enable", "sam@test.example", "--reason", "Came back", *ADA)
    assert "This account is in use already." in refused(again)
    assert "eve@test.example: no account has this" in refused(
        service("user", "enable", "eve@test.example", "--reason", "x", *ADA)
    )


def test_a_lost_second_factor_is_reset_on_the_server_even_of_the_only_administrator(
    service: Run, served: Callable[..., Flask], rows
):
    before = sign_in(served(), "ada@test.example", PASSWORD)
    done(service("user", "reset", "ada@test.example", "--reason", "Lost the phone", *ADA))
    assert ("reset_second_factor", "Lost the phone") in rows("SELECT action, reason FROM audit_event")
    assert not is_signed_in(before)


def test_a_real_service_asks_for_a_second_factor_at_the_first_sign_in(service: Run, served: Callable[..., Flask]):
    """As `tracker setup` leaves it, with nothing said about second factors."""
    client = sign_in(served(), "ada@test.example", PASSWORD)
    assert client.get("/staff", base_url="https://localhost").headers["Location"] == "/account/begin"


# ------------------------------------------------------------------------------ cookies and proxies


@pytest.mark.parametrize(
    ("host", "proxies", "for_https", "needs_https"),
    [
        ("127.0.0.1", None, False, False),
        ("localhost", "0", False, False),
        ("127.0.0.1", "1", True, False),
        ("0.0.0.0", None, True, True),
        ("0.0.0.0", "1", True, False),
    ],
)
def test_cookies_are_for_https_unless_pages_stay_on_this_machine(
    service: Run, monkeypatch: pytest.MonkeyPatch, host: str, proxies: str | None, for_https: bool, needs_https: bool
):
    if proxies is not None:
        monkeypatch.setenv("TRACKER_PROXIES", proxies)
    app = application_served(service, monkeypatch, "--host", host)
    assert app.config["SESSION_COOKIE_SECURE"] is for_https
    assert app.config["SESSION_COOKIE_NAME"].startswith("__Host-") is for_https
    assert ("Signing in needs HTTPS" in service("serve", "--host", host).output) is needs_https


@pytest.mark.parametrize("value", ["one", "-1", "1.5", "10"])
def test_a_number_of_proxies_that_is_none_is_refused(installed: Run, monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("TRACKER_PROXIES", value)
    assert f"TRACKER_PROXIES: unexpected value '{value}'; give the number of" in refused(installed("user", "list"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(root: Path, **settings: str) -> Iterator[str]:
    """`tracker serve` as a process of its own; its address."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "tracker", "serve", "--port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(root), **settings}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def cookie_of(address: str) -> str:
    """The cookie that the sign-in page sets, once the server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"{address}/sign-in", timeout=60) as answer:
                return str(answer.headers["Set-Cookie"])
        except URLError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)


@pytest.mark.parametrize(("proxies", "is_secure"), [("0", False), ("1", True)])
def test_a_real_server_sends_such_cookies(installed: Run, root: Path, proxies: str, is_secure: bool):
    with running(root, TRACKER_PROXIES=proxies) as address:
        assert ("; Secure" in cookie_of(address)) is is_secure


# -------------------------------------------------------------------------------------- the guide


def blocks(root: Path, language: str) -> list[str]:
    guide = (root / "docs" / "service.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", guide, flags=re.DOTALL)


def give(run: Run, monkeypatch: pytest.MonkeyPatch, line: str) -> Flask | None:
    """Give a command as the guide shows it; what it serves, if it serves."""
    with monkeypatch.context() as now:
        words = shlex.split(line)
        while "=" in words[0]:
            now.setenv(*words.pop(0).split("="))
        assert words[:2] == ["./kit", "run"]
        if words[2] == "serve":
            return application_served(run, now, *words[3:])
        done(run(*words[2:]))
        return None


def show_second_factor(client: Any, keys: list[str]) -> None:
    """Set an app up the first time, as the page says, and enter its code from then on."""
    path = "/sign-in/second-step" if keys else "/account/app"
    page = client.get(path, base_url="https://localhost").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"(?!.*name="csrf_token")', page, re.DOTALL)
    assert token is not None, page
    if not keys:
        keys += re.findall(r'class="lwk-key">([^<]+)<', page)
    given = {"csrf_token": token[1], "code": code(keys[0], steps=1 if path.startswith("/sign-in") else 0)}
    client.post(path, base_url="https://localhost", headers={"Referer": f"https://localhost{path}"}, data=given)


def half_a_minute_later(folder: Path) -> None:
    """Each code is good once, and the guide is read faster than codes change."""
    with closing(sqlite3.connect(folder / config.DATABASE_FILE)) as connection, connection:
        connection.execute("UPDATE authenticator SET last_counter = NULL")


def test_the_guide_s_commands_run_as_they_stand_until_the_link_worker_signs_in(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows
):
    (shown_plan,) = blocks(root, "toml")
    (tmp_path / "plan.toml").write_text(shown_plan, encoding="utf-8")
    feed = '{"contents": [{"id": "1", "name": "Choir", "status": "active"}]}'
    (tmp_path / "services.json").write_text(feed, encoding="utf-8")
    lines = [line for block in blocks(root, "sh") for line in block.splitlines()]
    served, keys = 0, []  # type: ignore[var-annotated]
    for line in lines:
        app = give(run, monkeypatch, line)
        if app is not None:
            served += 1
            sam = sign_in(app, "sam@example.org", PASSWORD)
            show_second_factor(sam, keys)
            assert is_signed_in(sam)
            half_a_minute_later(tmp_path / "data")
            assert (
                "Ash Lane Surgery" in sam.get("/people/new", base_url="https://localhost", follow_redirects=True).text
            )
    assert served == 4
    assert rows("SELECT name FROM resource") == [("Choir",)]
    assert rows("SELECT count(*) FROM user") == [(4,)]
    assert rows("SELECT locked_at IS NOT NULL FROM study") == [(1,)]


def test_the_guide_tells_of_every_command_for_studies_sites_and_staff(root: Path):
    told = "\n".join(blocks(root, "sh"))
    for group in ("study", "site", "user"):
        for name in cli.commands.commands[group].commands:
            assert f"./kit run {group} {name}" in told, f"docs/service.md should show `{group} {name}`"


# ---------------------------------------------------------------------------------- the directory


def test_a_directory_is_previewed_brought_in_and_the_same_the_second_time(service: Run, tmp_path: Path, rows):
    text = '{"contents": [{"id": "1", "name": "Choir", "status": "active"}, {"id": "2", "name": "Old", "status": "defunct"}]}'
    (tmp_path / "feed.json").write_text(text, encoding="utf-8")
    said = done(service("import-directory", "feed.json", "--study", "garden", "--preview", *ADA))
    assert "note      Choir: it names no category: it stands under Other" in said
    assert "skipped   Old: is closed, and not in the directory" in said
    assert "Nothing was written: this was a preview." in said
    assert rows("SELECT count(*) FROM resource") == [(0,)]
    assert "        1  added" in done(service("import-directory", "feed.json", "--study", "garden", *ADA))
    assert rows("SELECT name, category, open_referral_id FROM resource") == [("Choir", "other", "1")]
    assert "        0  added" in done(service("import-directory", "feed.json", "--study", "garden", *ADA))


def test_a_directory_with_faults_is_refused_with_every_one_of_them(service: Run, tmp_path: Path, rows):
    (tmp_path / "feed.json").write_text(
        '[{"id": "1", "status": "active"}, {"name": "B", "status": "x"}]', encoding="utf-8"
    )
    said = refused(service("import-directory", "feed.json", "--study", "garden", *ADA))
    for part in (
        "feed.json entry 1: name is missing",
        "feed.json entry 2: id is missing",
        "entry 2: status has an unexpected",
    ):
        assert part in said
    assert rows("SELECT count(*) FROM resource") == [(0,)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere.json", "--study", "garden", *ADA), "nowhere.json: no such file or directory"),
        (("plan.toml", "--study", "garden", *ADA), "is not JSON"),
        (("feed.json", "--study", "orchard", *ADA), "study 'orchard': is not here"),
        (("feed.json", "--study", "garden", "--as", "sam@test.example"), "This account may not do that"),
    ],
)
def test_a_directory_that_cannot_come_in_says_why(service: Run, tmp_path: Path, words: tuple[str, ...], says: str):
    (tmp_path / "feed.json").write_text('[{"id": "1", "name": "Choir", "status": "active"}]', encoding="utf-8")
    assert says in refused(service("import-directory", *words))

"""`tracker serve` as people start and stop it, and the help of every command."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.server import NO_ANSWER, Served, Visitor, installed, serving, surroundings
from tests.world import World
from tracker import cli


def installation(folder: Path, template: Path) -> Path:
    """The world's data in a folder of its own."""
    shutil.copyfile(template, installed(folder) / "tracker.db")
    return folder


@pytest.fixture
def data(sqlite_world: tuple[Path, World], tmp_path: Path) -> Path:
    return installation(tmp_path / "data", sqlite_world[0])


@pytest.fixture(scope="module")
def served(sqlite_world: tuple[Path, World], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that these tests share and only look at."""
    with serving(installation(tmp_path_factory.mktemp("served") / "data", sqlite_world[0])) as running:
        yield running


def test_it_says_where_it_is_and_answers_there(served: Served):
    port = served.address.rsplit(":", 1)[1]
    assert served.said == [f"The tracker is at http://127.0.0.1:{port}  (stop it with Ctrl+C)\n"]
    assert "Sign in" in Visitor(served.address).look("/sign-in")


def test_ctrl_c_ends_it_without_complaint_and_another_start_goes_on(data: Path):
    """The port is free at once, and who was signed in still is: sign-ins are in the database, not in memory."""
    with serving(data) as first:
        visitor = Visitor(first.address)
        visitor.sign_in("link-worker@test.example")
        assert first.interrupt() == 0
        with pytest.raises(NO_ANSWER):
            visitor.open("/")
    assert "Traceback" not in first.complaints
    with serving(data, None, "--port", first.address.rsplit(":", 1)[1]) as again:
        assert again.address == first.address
        assert "Person Own" in visitor.look("/")


def cookie_of(served: Served) -> tuple[str, SimpleCookie]:
    _, _, headers = Visitor(served.address).open("/sign-in")
    return headers["Set-Cookie"], SimpleCookie(headers["Set-Cookie"])


def test_on_this_machine_the_cookie_works_without_https(served: Served):
    text, cookie = cookie_of(served)
    assert list(cookie) == ["tracker"]
    assert "Secure" not in text
    assert (cookie["tracker"]["httponly"], cookie["tracker"]["samesite"]) == (True, "Lax")


def test_for_other_machines_the_cookie_asks_for_https_and_keeps_to_its_host(data: Path):
    with serving(data, None, "--host", "0.0.0.0") as open_to_all:
        text, cookie = cookie_of(open_to_all)
    assert list(cookie) == ["__Host-tracker"]
    assert (cookie["__Host-tracker"]["secure"], cookie["__Host-tracker"]["path"]) == (True, "/")
    assert "Domain" not in text


def test_the_server_does_not_say_what_it_is_made_of(served: Served):
    _, _, headers = Visitor(served.address).open("/sign-in")
    assert not re.search("waitress|werkzeug|python|flask", str(headers), re.IGNORECASE)


def test_what_it_prints_while_people_work_names_nobody(served: Served):
    visitor = Visitor(served.address)
    visitor.sign_in("link-worker@test.example")
    assert "Person Own" in visitor.look("/")
    visitor.open("/people/not-an-id?name=Quillfeather")
    visitor.open("/sign-in", {"email": "person.own@test.example", "password": "wrong-wrong-wrong"})
    everything = "".join(served.said) + served.complaints
    for secret in ("Person Own", "Quillfeather", "wrong-wrong-wrong", "@test.example"):
        assert secret not in everything


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--port", "0"), "0 is not in the range"),
        (("--port", "http"), "'http' is not a valid integer"),
        (("--host", "no.such.host.invalid"), "is not an address of this machine"),
        (("--demo",), "there is no demo here; make one with `tracker demo`"),
        (("--prot", "1"), "No such option"),
    ],
)
def test_what_it_cannot_do_it_says_and_ends_with_two(data: Path, words: tuple[str, ...], says: str):
    ended = CliRunner().invoke(cli.commands, ["serve", *words], env=surroundings(data))
    assert ended.exit_code == 2
    assert says in ended.stderr
    assert ended.stdout == ""


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, group
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = list(every_command(cli.commands))


def help_of(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(cli.commands, [*path, "--help"])
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) or "tracker" for path, _ in COMMANDS])
def test_the_help_of_every_command_teaches(path: tuple[str, ...], command: click.Command):
    """It says what the command does, and shows one to copy or explains every option."""
    said = help_of(path)
    assert command.help
    assert len(command.help.split()) >= 3
    options = [
        each for each in command.params if isinstance(each, click.Option) and each.name not in ("help", "version")
    ]
    shown = re.search(rf"^ +(\w+=\S+ )*tracker {' '.join(path)}", said, re.MULTILINE)
    assert shown or all(option.help for option in options), said
    assert path == () or shown or options or isinstance(command, click.Group) or command.params == []


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) or "tracker" for path, _ in COMMANDS])
def test_every_example_of_the_help_names_commands_and_options_that_there_are(
    path: tuple[str, ...], command: click.Command
):
    for example in re.findall(r"^ +(?:\w+=\S+ )*tracker (.+)$", help_of(path), re.MULTILINE):
        known: click.Command = cli.commands
        for word in example.split():
            if isinstance(known, click.Group):
                assert word in known.commands, example
                known = known.commands[word]
            elif word.startswith("--"):
                assert word in {name for option in known.params for name in option.opts}, example

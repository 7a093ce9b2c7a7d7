"""The kit's commands on machines of every sort. A stand-in plays Python, so that nothing is really installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("demo", "run", "test", "check", "fix", "bench", "lock", "setup")
TOOLS = ("sh", "cat", "cmp", "cp", "dirname", "grep", "id", "mkdir", "rm", "uname")

# Notes what it is asked; makes an environment with itself in it; installs, unless there is no network;
# starts a browser, unless there is none.
STAND_IN = """#!/bin/sh
echo "$*" >>"$NOTES"
case "$*" in
  "-c "*) [ ! -e "$NOTES.old" ] ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip install "*)
    echo "Collecting flask"
    if [ -e "$NOTES.offline" ]; then echo "no route to host" >&2; exit 1; fi ;;
  "-m playwright install "*) [ -e "$NOTES.offline" ] || rm -f "$NOTES.blind" ;;
  *tests/browser.py) [ ! -e "$NOTES.blind" ] ;;
esac
"""
# Notes what it is asked; "installs" what it is asked for.
APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$NOTES"
case "$*" in
  install*python3*) cp "$NOTES.python" "${0%/*}/python3" ;;
  install*chromium*) rm -f "$NOTES.blind" ;;
esac
"""
DEBIAN_S_CHROMIUM = "Package: chromium\nVersion: 150.0-1\nDepends: chromium-common (= 150.0-1)\n"
DEBIAN_S_HEADLESS = "Package: chromium-headless-shell\nVersion: 150.0-1\nDepends: chromium-common (= 150.0-1)\n"
UBUNTU_S_CHROMIUM = "Package: chromium\nVersion: 2:1snap1-0ubuntu2\nDepends: debconf, snapd\n"


@dataclass(frozen=True)
class Machine:
    """A machine with a checkout in a folder with a space in its name, and with few commands."""

    checkout: Path
    bin: Path
    notes: Path

    def kit(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / "kit", *words],
            cwd=cwd or self.checkout,
            env={"PATH": str(self.bin), "NOTES": str(self.notes), "HOME": str(self.bin)},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def has_python(self, place: str = "python3") -> None:
        self.has_command(place, STAND_IN)

    def asked(self, wanted: str) -> int:
        """How often Python was asked for something since the last time."""
        said = self.notes.read_text() if self.notes.exists() else ""
        self.notes.write_text("")
        return len(re.findall(wanted, said))

    @property
    def venv(self) -> Path:
        return self.checkout / ".venv"

    def is_offline(self, offline: bool = True) -> None:
        mark = self.notes.with_name("notes.offline")
        mark.touch() if offline else mark.unlink()

    def has_command(self, name: str, script: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def has_apt(self, *, root: bool, shows: str = "") -> None:
        """apt, for root or another; `shows` is what it knows of Chromium."""
        self.notes.with_name("notes.python").write_text(STAND_IN)
        self.notes.with_name("notes.python").chmod(0o755)
        self.notes.with_name("notes.shows").write_text(shows)
        self.has_command("id", f"#!/bin/sh\necho {0 if root else 1000}\n")
        self.has_command("apt-get", APT_GET)
        self.has_command("apt-cache", '#!/bin/sh\ngrep -A 2 "^Package: $2\\$" "$NOTES.shows"\n')

    def has_no_browser(self) -> None:
        self.notes.with_name("notes.blind").touch()

    def has_only_old_python(self) -> None:
        self.has_python()
        self.notes.with_name("notes.old").touch()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    checkout, commands = tmp_path / "the kit", tmp_path / "bin"
    commands.mkdir()
    shutil.copytree(ROOT / "deploy" / "requirements", checkout / "deploy" / "requirements")
    shutil.copy(ROOT / "kit", checkout)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"this system has no {tool}"
        (commands / tool).symlink_to(found)
    return Machine(checkout, commands, tmp_path / "notes")


def test_it_says_what_it_can_do_without_setting_anything_up(machine: Machine):
    said = machine.kit()
    assert said.returncode == 0
    assert all(f"./kit {command}" in said.stdout for command in COMMANDS)
    assert not machine.venv.exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(machine: Machine, command: str):
    for said in (machine.kit(command, "--help"), machine.kit("help", command)):
        assert said.returncode == 0
        assert said.stdout.startswith(f"./kit {command}")
    assert not machine.venv.exists()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["serve"], "unknown command 'serve'"),
        (["demo", "--fersh"], "unknown option '--fersh'"),
        (["demo", "--port"], "--port wants a number"),
        (["demo", "--port", "http"], "unexpected value 'http'"),
        (["setup", "everything"], "unknown set 'everything'"),
        (["bench", "nothing"], "no benchmark is called 'nothing'"),
        (["lock", "--newest"], "unknown option '--newest'"),
    ],
)
def test_a_word_it_does_not_know_is_refused_before_anything_is_done(machine: Machine, words: list[str], fault: str):
    machine.has_python()
    said = machine.kit(*words)
    assert said.returncode == 2
    assert fault in said.stderr
    assert not machine.venv.exists()


def test_without_python_it_says_what_to_install(machine: Machine):
    said = machine.kit("setup")
    assert said.returncode == 1
    assert "Python 3.11 or newer was not found" in said.stderr
    assert "python3-venv" in said.stderr
    assert not machine.venv.exists()


def test_an_old_python_will_not_do(machine: Machine):
    machine.has_only_old_python()
    said = machine.kit("setup")
    assert said.returncode == 1
    assert "Python 3.11 or newer was not found" in said.stderr


@pytest.mark.parametrize("name", ["python3", "python3.13", "python3.11", "python"])
def test_python_is_found_under_any_of_its_names(machine: Machine, name: str):
    machine.has_python(name)
    assert machine.kit("setup").returncode == 0


def test_root_gets_a_missing_python_through_apt(machine: Machine):
    machine.has_apt(root=True)
    said = machine.kit("setup")
    assert said.returncode == 0
    assert "installing the system packages python3 python3-venv" in said.stderr
    assert machine.asked("apt-get install .*python3 python3-venv") == 1


def test_others_are_told_the_command_that_gets_it(machine: Machine):
    machine.has_apt(root=False)
    said = machine.kit("setup")
    assert said.returncode == 1
    assert "sudo apt-get install python3 python3-venv" in said.stderr
    assert machine.asked("apt-get") == 0


def test_a_browser_that_starts_is_used(machine: Machine):
    machine.has_python()
    machine.has_apt(root=True, shows=DEBIAN_S_CHROMIUM)
    assert machine.kit("test", "tests/unit").returncode == 0
    said = machine.notes.read_text()
    assert "install chromium" not in said
    assert said.splitlines()[-1] == "-P -m pytest tests/unit"


@pytest.mark.parametrize(
    ("root", "shows", "fetched"),
    [
        (True, DEBIAN_S_CHROMIUM + DEBIAN_S_HEADLESS, "apt-get install .* chromium-headless-shell$"),
        (True, DEBIAN_S_CHROMIUM, "apt-get install .* chromium$"),
        (True, UBUNTU_S_CHROMIUM, "playwright install --with-deps chromium"),
        (True, "", "playwright install --with-deps chromium"),
        (False, DEBIAN_S_CHROMIUM, "playwright install chromium"),
    ],
    ids=[
        "root on Debian",
        "root on a Debian without the headless one",
        "root on Ubuntu",
        "root, none known",
        "not root",
    ],
)
def test_a_missing_browser_is_fetched(machine: Machine, root: bool, shows: str, fetched: str):
    machine.has_python()
    machine.has_apt(root=root, shows=shows)
    machine.has_no_browser()
    said = machine.kit("setup", "test")
    assert said.returncode == 0
    assert "Setting up (3/3): a headless Chromium" in said.stderr
    assert len(re.findall("(?:apt-get|playwright) install .*chromium", asked := machine.notes.read_text())) == 1
    assert re.search(fetched, asked, re.MULTILINE)


def test_without_any_browser_no_test_is_run(machine: Machine):
    machine.has_python()
    machine.kit("setup", "test")
    machine.has_no_browser()
    machine.is_offline()
    said = machine.kit("test")
    assert said.returncode == 1
    assert "The tests need Chromium or Chrome" in said.stderr
    assert machine.asked("-m pytest") == 0


def test_setting_up_says_how_far_it_is(machine: Machine):
    machine.has_python()
    said = machine.kit("setup")
    assert "Setting up (1/2): Python" in said.stderr
    assert "Setting up (2/2): packages" in said.stderr
    assert machine.asked(r"pip install .*--require-hashes -r .*/run\.lock") == 1


def test_it_works_from_any_folder(machine: Machine, tmp_path: Path):
    machine.has_python()
    assert machine.kit("setup", cwd=tmp_path).returncode == 0
    assert (machine.venv / "installed-run").exists()


def test_what_is_set_up_is_not_set_up_again(machine: Machine):
    machine.has_python()
    machine.kit("setup", "test")
    machine.asked("")
    for command in (["setup", "test"], ["setup", "analysis"], ["setup", "postgres"], ["setup"]):
        said = machine.kit(*command)
        assert said.returncode == 0
        assert "Setting up" not in said.stderr
    assert machine.asked("pip install|-m venv") == 0


def test_packages_are_installed_again_when_the_lock_changes(machine: Machine):
    machine.has_python()
    machine.kit("setup")
    machine.asked("")
    with (machine.checkout / "deploy" / "requirements" / "run.lock").open("a") as lock:
        lock.write("another==1.0 \\\n")
    machine.kit("setup")
    assert machine.asked("pip install") == 1


def test_more_is_installed_when_more_is_wanted(machine: Machine):
    machine.has_python()
    machine.kit("setup")
    machine.kit("setup", "analysis")
    assert machine.asked(r"analysis\.lock") == 1


def test_a_failed_installation_is_told_and_tried_again(machine: Machine):
    machine.has_python()
    machine.is_offline()
    said = machine.kit("setup")
    assert said.returncode == 1
    assert "no route to host" in said.stderr
    assert "give the same command again" in said.stderr
    assert not (machine.venv / "installed-run").exists()
    machine.is_offline(False)
    assert machine.kit("setup").returncode == 0
    assert (machine.venv / "installed-run").exists()


def test_a_failed_update_does_not_pass_for_the_old_state(machine: Machine):
    machine.has_python()
    machine.kit("setup")
    lock = machine.checkout / "deploy" / "requirements" / "run.lock"
    old = lock.read_text()
    lock.write_text(old + "another==1.0 \\\n")
    machine.is_offline()
    assert machine.kit("setup").returncode == 1
    lock.write_text(old)
    machine.asked("")
    machine.kit("setup")
    assert machine.asked("pip install") == 1


def test_an_environment_whose_python_has_gone_is_made_anew(machine: Machine):
    machine.has_python()
    machine.kit("setup")
    python = machine.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("gone")
    machine.asked("")
    assert machine.kit("setup").returncode == 0
    assert machine.asked("-m venv") == 1
    assert python.is_file()


def test_a_half_made_environment_is_made_anew(machine: Machine):
    machine.has_python()
    machine.kit("setup")
    (machine.venv / "complete").unlink()
    machine.asked("")
    machine.kit("setup")
    assert machine.asked("-m venv") == 1


def test_the_demo_makes_compares_and_serves(machine: Machine):
    machine.has_python()
    assert machine.kit("demo", "--fresh", "--port", "8123").returncode == 0
    said = machine.notes.read_text().splitlines()
    bundle = f"{machine.checkout}/instance/demo/bundle"
    assert [line for line in said if line.startswith("-P")] == [
        "-P -m tracker demo --fresh",
        f"-P -m analysis compare {bundle} {bundle}/plan.toml {machine.checkout}/instance/demo/report",
        "-P -m tracker serve --demo --port 8123",
    ]


def test_the_demo_can_stop_before_serving(machine: Machine):
    machine.has_python()
    machine.kit("demo", "--no-serve")
    assert machine.asked("tracker demo") == 1
    assert machine.asked("serve") == 0


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ([], "-P -m tracker serve"),
        (["user", "add", "--name", "Ann Other"], "-P -m tracker user add --name Ann Other"),
        (["analysis", "check", "bundle"], "-P -m analysis check bundle"),
    ],
)
def test_commands_are_handed_on(machine: Machine, words: list[str], asked: str):
    machine.has_python()
    machine.kit("run", *words)
    assert machine.notes.read_text().splitlines()[-1] == asked


def test_every_lock_can_be_set_up():
    """The names that `./kit setup` knows are those of the locks."""
    explained = subprocess.run([ROOT / "kit", "setup", "--help"], capture_output=True, text=True, check=True).stdout
    locks = {lock.stem for lock in (ROOT / "deploy" / "requirements").glob("*.lock")}
    assert set(re.findall(r"^  (\w+)  ", explained, re.MULTILINE)) == locks
    assert os.access(ROOT / "kit", os.X_OK)

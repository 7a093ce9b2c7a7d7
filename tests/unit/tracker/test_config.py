"""Where an installation keeps its data and keys, and what the environment says about it."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from tracker import config
from tracker.config import ConfigError, Keys

SETTINGS = (
    "TRACKER_DATA", "TRACKER_DATABASE_URL", "TRACKER_TIMEZONE", "TRACKER_PROXIES", "TRACKER_ANSWER_WITHIN",
    "TRACKER_SECOND_FACTOR", "TRACKER_PUBLIC_DIRECTORY", "TRACKER_CONTACT",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config.load(tmp_path / "data", create=True)
    return tmp_path / "data"


def test_an_installation_is_in_the_folder_that_is_named_and_else_beside_us(monkeypatch: pytest.MonkeyPatch):
    assert config.data_folder() == Path.cwd() / "instance"
    monkeypatch.setenv("TRACKER_DATA", "elsewhere/data")
    assert config.data_folder() == Path.cwd() / "elsewhere" / "data"
    assert config.data_folder().is_absolute()


def test_looking_makes_nothing(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no installation here; run `tracker setup` first"):
        config.load(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_making_it_makes_a_folder_and_keys_for_its_owner_alone(folder: Path):
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE((folder / config.KEYS_FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [config.KEYS_FILE]


def test_keys_are_made_once_and_never_written_over(folder: Path):
    before = (folder / config.KEYS_FILE).read_bytes()
    again = config.load(folder, create=True)
    assert (folder / config.KEYS_FILE).read_bytes() == before
    assert asdict(again.keys) == json.loads(before)


def test_five_keys_of_32_bytes_no_two_alike():
    made = [asdict(Keys.new()) for _ in range(3)]
    everything = [key for keys in made for key in keys.values()]
    assert len(set(everything)) == len(everything) == 15
    assert {len(bytes.fromhex(key)) for key in everything} == {32}


def test_keys_do_not_show_themselves_in_an_error_or_a_log():
    keys = Keys.new()
    for key in asdict(keys).values():
        assert key not in repr(keys)
        assert key not in repr(config.Config(Path("/x"), "sqlite://", keys))


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "3", "null", "{}", '{"session": "1"}', '"text"', "\x00",
        json.dumps(asdict(Keys.new()) | {"more": "x"}),
        json.dumps(asdict(Keys.new()) | {"identity": 3}),
        json.dumps(asdict(Keys.new()) | {"identity": ""}),
        json.dumps(asdict(Keys.new()) | {"identity": "zz" * 32}),
        json.dumps(asdict(Keys.new()) | {"identity": "ab" * 31}),
    ],
)  # fmt: skip
def test_a_file_that_does_not_hold_five_keys_is_named_with_the_remedy(folder: Path, content: str):
    """Before anything is encrypted with half a key."""
    (folder / config.KEYS_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"keys\.json: is not a file of keys; restore it from your backup"):
        config.load(folder)


def test_a_file_of_keys_in_another_encoding_is_named_too(folder: Path):
    (folder / config.KEYS_FILE).write_bytes(b"\xff\xfe{}")
    with pytest.raises(ConfigError, match=r"keys\.json: is not a file of keys"):
        config.load(folder)


def test_the_database_is_a_file_beside_the_keys_unless_another_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert config.load(folder).database_url == f"sqlite:///{folder / 'tracker.db'}"
    monkeypatch.setenv("TRACKER_DATABASE_URL", "postgresql+psycopg://kit@/tracker")
    assert config.load(folder).database_url == "postgresql+psycopg://kit@/tracker"


def test_an_empty_setting_is_no_setting(folder: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("TRACKER_DATABASE_URL", "TRACKER_PROXIES", "TRACKER_TIMEZONE", "TRACKER_SECOND_FACTOR",
                 "TRACKER_ANSWER_WITHIN"):  # fmt: skip
        monkeypatch.setenv(name, "")
    loaded = config.load(folder)
    assert loaded.database_url.startswith("sqlite:///")
    assert (loaded.proxies, loaded.timezone, loaded.second_factor) == (0, "Europe/London", True)
    assert loaded.answer_within == 5


def test_the_clock_is_londons_unless_another_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKER_TIMEZONE", "Asia/Tokyo")
    assert config.load(folder).timezone == "Asia/Tokyo"


@pytest.mark.parametrize("zone", ["Europe/Lundon", "BST!", "/etc/passwd", "../UTC", "x" * 300])
def test_a_clock_that_nobody_knows_is_named_before_anything_is_dated_by_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, zone: str
):
    monkeypatch.setenv("TRACKER_TIMEZONE", zone)
    with pytest.raises(ConfigError, match=r"TRACKER_TIMEZONE: unexpected value '.*'; give a time zone such as Europe/"):
        config.load(folder)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("1", 1), (" 2 ", 2), ("9", 9)])
def test_proxies_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, number: int):
    monkeypatch.setenv("TRACKER_PROXIES", text)
    assert config.load(folder).proxies == number


@pytest.mark.parametrize("text", ["yes", "-1", "1.5", "10", "٣", "0x1", "1 2"])
def test_a_number_of_proxies_that_is_none_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("TRACKER_PROXIES", text)
    with pytest.raises(ConfigError, match=f"TRACKER_PROXIES: unexpected value '{text}'; give the number"):
        config.load(folder)


# in a demo or not, what the environment says -> whether everybody must have a second factor
FACTORS = [
    (False, None, True), (True, None, False), (False, "optional", False), (True, "required", True),
    (False, "required", True), (True, "optional", False),
]  # fmt: skip


@pytest.mark.parametrize(("demo", "said", "asked"), FACTORS)
def test_a_second_factor_is_asked_of_everybody_except_in_a_demo(
    folder: Path, monkeypatch: pytest.MonkeyPatch, demo: bool, said: str | None, asked: bool
):
    if demo:
        (folder / config.DEMO_MARKER).touch()
    if said is not None:
        monkeypatch.setenv("TRACKER_SECOND_FACTOR", said)
    assert config.load(folder).second_factor is asked


@pytest.mark.parametrize("said", ["no", "0", "OPTIONAL", "required ", "off"])
def test_a_word_that_is_neither_does_not_switch_it_off(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str):
    monkeypatch.setenv("TRACKER_SECOND_FACTOR", said)
    with pytest.raises(ConfigError, match=f"TRACKER_SECOND_FACTOR: unexpected value '{said}'; give required or opt"):
        config.load(folder)


def test_a_second_factor_is_asked_for_unless_somebody_says_otherwise():
    assert config.Config(Path("/x"), "sqlite://", Keys.new()).second_factor


@pytest.mark.parametrize(("text", "days"), [("1", 1), (" 10 ", 10), ("99", 99)])
def test_how_long_a_referral_may_wait_is_a_setting(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, days: int):
    monkeypatch.setenv("TRACKER_ANSWER_WITHIN", text)
    assert config.load(folder).answer_within == days


@pytest.mark.parametrize("text", ["0", "-1", "100", "1.5", "five", "٣"])
def test_a_wait_that_is_none_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("TRACKER_ANSWER_WITHIN", text)
    with pytest.raises(
        ConfigError, match=f"TRACKER_ANSWER_WITHIN: unexpected value '{text}'; give a number of working"
    ):
        config.load(folder)


# pages on this machine only, proxies in front -> whether cookies need HTTPS
HTTPS = [(False, "0", True), (False, "1", True), (True, "0", False), (True, "1", True)]


@pytest.mark.parametrize(("local", "proxies", "secure"), HTTPS)
def test_cookies_need_https_unless_pages_are_for_this_machine_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, local: bool, proxies: str, secure: bool
):
    monkeypatch.setenv("TRACKER_PROXIES", proxies)
    assert config.load(folder, local=local).secure_cookies is secure


def test_every_setting_that_is_read_is_told_where_people_look(root: Path):
    """The help, the guides or the read-me name every variable that changes something."""
    told = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (*(root / "docs").glob("*.md"), *(root / "deploy").rglob("*.md"), root / "README.md", *(root / "tracker" / "cli").glob("*.py"))
        if path.exists()
    )  # fmt: skip
    assert [name for name in SETTINGS if name not in told] == []


def test_nothing_else_of_the_environment_changes_an_installation(folder: Path, monkeypatch: pytest.MonkeyPatch):
    before = config.load(folder)
    for name in ("FLASK_ENV", "FLASK_DEBUG", "DATABASE_URL", "SECRET_KEY", "TZ", "TRACKER_KEYS"):
        monkeypatch.setitem(os.environ, name, "1")
    assert config.load(folder) == before
    assert {field.name for field in fields(before)} >= {"data", "database_url", "keys", "timezone", "secure_cookies"}


def test_no_directory_is_open_unless_a_study_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert config.load(folder).public_directory == ""
    monkeypatch.setenv("TRACKER_PUBLIC_DIRECTORY", " elmstead ")
    assert config.load(folder).public_directory == "elmstead"


@pytest.mark.parametrize("value", ["yes please", "Elmstead", "../garden", "a_b", "1 OR 1=1"])
def test_a_study_that_cannot_be_one_opens_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("TRACKER_PUBLIC_DIRECTORY", value)
    with pytest.raises(ConfigError, match="TRACKER_PUBLIC_DIRECTORY: unexpected value"):
        config.load(folder)


def test_whom_people_may_ask_is_one_line_and_nobody_unless_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert config.load(folder).contact == ""
    monkeypatch.setenv("TRACKER_CONTACT", "  Elmstead team,\n 01632 960 100 ")
    assert config.load(folder).contact == "Elmstead team, 01632 960 100"
    monkeypatch.setenv("TRACKER_CONTACT", "x" * 201)
    with pytest.raises(ConfigError, match="TRACKER_CONTACT: is 201 characters long; give at most 200"):
        config.load(folder)

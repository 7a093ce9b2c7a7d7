"""Where an installation keeps its data, and its keys."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

KEYS_FILE = "keys.json"
DATABASE_FILE = "tracker.db"
DEMO_MARKER = "this-is-a-demo.txt"
KEY_BYTES = 32
LONGEST_CONTACT = 200


class ConfigError(ValueError):
    """The installation's folder or keys are not usable; the message says what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Secrets of one installation. `identity` encrypts, `index` looks up, `pseudonym` names people in exports."""

    session: str
    password_salt: str
    identity: str
    index: str
    pseudonym: str

    @classmethod
    def new(cls) -> Keys:
        return cls(*(secrets.token_hex(KEY_BYTES) for _ in range(5)))


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the application is told from outside."""

    data: Path
    database_url: str
    keys: Keys
    timezone: str = "Europe/London"
    secure_cookies: bool = True
    testing: bool = False
    proxies: int = 0
    answer_within: int = 5
    second_factor: bool = True
    """Whether everybody must have one: an app that shows codes, or a passkey."""
    public_directory: str = ""
    contact: str = ""
    """Whom people who answer by themselves may ask, as one line; without it they are told to ask who gave the link."""


def data_folder() -> Path:
    return Path(os.environ.get("TRACKER_DATA", "instance")).absolute()


def load(data: Path | None = None, *, create: bool = False, local: bool = False) -> Config:
    """Read the configuration of the installation in a folder.

    `create` makes the folder and its keys; `local` says that pages are for this machine only, over plain HTTP.
    """
    folder = data or data_folder()
    if create:
        _create(folder)
    path = folder / KEYS_FILE
    if not path.exists():
        raise ConfigError(f"{folder}: there is no installation here; run `tracker setup` first, or set TRACKER_DATA")
    try:
        keys = Keys(**json.loads(path.read_text(encoding="utf-8")))
        if any(len(bytes.fromhex(key)) != KEY_BYTES for key in asdict(keys).values()):
            raise ValueError
    except (ValueError, TypeError):
        raise ConfigError(f"{path}: is not a file of keys; restore it from your backup") from None
    url = os.environ.get("TRACKER_DATABASE_URL") or f"sqlite:///{folder / DATABASE_FILE}"
    proxies = _proxies()
    return Config(
        folder, url, keys, _timezone(), secure_cookies=not local or proxies > 0, proxies=proxies,
        answer_within=_answer_within(),
        second_factor=_second_factor(folder),
        public_directory=_public_directory(),
        contact=_contact(),
    )  # fmt: skip


def _timezone() -> str:
    name = os.environ.get("TRACKER_TIMEZONE") or "Europe/London"
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"TRACKER_TIMEZONE: unexpected value '{name}'; give a time zone such as Europe/London"
        ) from None
    return name


def _answer_within() -> int:
    """Working days that a referral may wait for its answer before it is shown as late."""
    text = os.environ.get("TRACKER_ANSWER_WITHIN", "").strip() or "5"
    if not re.fullmatch(r"[1-9][0-9]?", text):
        raise ConfigError(f"TRACKER_ANSWER_WITHIN: unexpected value '{text}'; give a number of working days, 1 to 99")
    return int(text)


def _second_factor(folder: Path) -> bool:
    """Asked of everybody, unless the service says otherwise; a demo is to be looked at with a password alone."""
    usual = "optional" if (folder / DEMO_MARKER).exists() else "required"
    text = os.environ.get("TRACKER_SECOND_FACTOR") or usual
    if text not in ("required", "optional"):
        raise ConfigError(f"TRACKER_SECOND_FACTOR: unexpected value '{text}'; give required or optional")
    return text == "required"


def _proxies() -> int:
    """How many reverse proxies stand in front: whose word on the visitor's address and on HTTPS is taken."""
    text = os.environ.get("TRACKER_PROXIES", "").strip() or "0"
    if not re.fullmatch(r"[0-9]", text):
        raise ConfigError(f"TRACKER_PROXIES: unexpected value '{text}'; give the number of reverse proxies, 0 to 9")
    return int(text)


def _public_directory() -> str:
    """The study whose directory anybody may read; none unless it is named."""
    slug = os.environ.get("TRACKER_PUBLIC_DIRECTORY", "").strip()
    if slug and not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise ConfigError(f"TRACKER_PUBLIC_DIRECTORY: unexpected value '{slug}'; give the id of a study, or nothing")
    return slug


def _contact() -> str:
    text = " ".join(os.environ.get("TRACKER_CONTACT", "").split())
    if len(text) > LONGEST_CONTACT:
        raise ConfigError(f"TRACKER_CONTACT: is {len(text)} characters long; give at most {LONGEST_CONTACT}")
    return text


def _create(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / KEYS_FILE
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(Keys.new()), file, indent=1)

"""What a password must be, wherever it is set: long enough, and not one of those that are tried first."""

from __future__ import annotations

from flask_security.utils import hash_password
from zxcvbn import zxcvbn

from ..models import User
from .refusal import Refused

SHORTEST_PASSWORD = 12
LOOKED_AT, HARD_ENOUGH = 72, 3
EASY = (
    "This password is easy to guess: it is common, a pattern, or says who you are. "
    "Use three or four words that do not belong together."
)


def check_password(password: str, user: User) -> None:
    """ASVS asks for length and for a look at common passwords; zxcvbn knows those, and patterns and names besides."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refused("password", f"The password is too short. Use at least {SHORTEST_PASSWORD} characters.")
    names = user.name.split()
    about = [user.name, "".join(names), *names, user.email, user.email.partition("@")[0]]
    if zxcvbn(password[:LOOKED_AT], user_inputs=about)["score"] < HARD_ENOUGH:
        raise Refused("password", EASY)


def hashed(password: str, user: User) -> str:
    """A good password as it is kept."""
    check_password(password, user)
    return str(hash_password(password))

"""Second factors: an app that shows codes, passkeys, and recovery codes for when the device is lost."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import delete, func, select

from ..extensions import db, keyring, second_factor_required, security, take_turn
from ..models import Authenticator, Passkey, RecoveryCode, User
from ..permissions import may_manage
from .audit import facts, write_event
from .refusal import Refused, check, too_many_attempts, translated
from .staff import end_sign_ins, forget_failures, note_failure, wait_before_sign_in

DRIFT = 30  # seconds that a phone's clock may be wrong, either way
RECOVERY_CODES, SYMBOLS, LETTERS = 10, 16, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 80 bits, and nothing that looks alike
WRONG_CODE = "This code is not right, or was used already. Wait for the next one in your app and enter that."
WRONG_RECOVERY_CODE = "This recovery code is not right, or was used already. Enter one that you have not used."
ONLY_ONE = "This is your only second factor, and everybody here needs one. Add another first."


def add_authenticator(*, by: User, secret: str, code: str) -> Authenticator:
    """Take an app into use once a code shows that it has the key; it takes the place of the one before."""
    kept = by.authenticator
    before = facts(kept) if kept else None
    made = kept or Authenticator(user_id=by.id, recorded_by=by.id)
    made.secret, made.last_counter, by.authenticator = secret, None, made
    if not _is_current(by, code):
        raise Refused("code", WRONG_CODE)
    with translated():
        write_event(by=by, action="change_authenticator" if kept else "add_authenticator", record=made, before=before)
    return made


def accept_code(*, by: User, code: str) -> str | None:
    """Look at a code of somebody's app; what is wrong with it, or None. Each code is good once."""
    return _attempt(by, lambda: _is_current(by, code), WRONG_CODE)


def _is_current(user: User, code: str) -> bool:
    kept = user.authenticator
    return kept is not None and security.totp_factory.verify_totp(code, kept.secret, user, window=DRIFT)


def _attempt(user: User, right: Callable[[], bool], wrong: str) -> str | None:
    """Counted and looked at in one turn, so that trying many codes at once gains nothing."""
    take_turn(db.session)
    account = f"second factor of {user.id}"
    wait = wait_before_sign_in(by=None, account=account, address=None)
    if wait.total_seconds() > 0:
        return too_many_attempts(wait)
    if right():
        forget_failures(by=None, account=account, address=None)
        return None
    note_failure(by=None, account=account, address=None)
    return wrong


def remove_authenticator(*, by: User) -> None:
    """Take an app out of use."""
    if by.authenticator is None:
        raise Refused("form", "No app is set up. There is nothing to remove.")
    _check_another_factor(by)
    _forget(by, by.authenticator, "remove_authenticator")
    by.authenticator = None


def add_passkey(*, by: User, name: str, credential_id: bytes, public_key: bytes, sign_count: int) -> Passkey:
    """Keep the public half of a passkey that the browser has just made."""
    made = Passkey(
        user_id=by.id, name=name, credential_id=credential_id, public_key=public_key, sign_count=sign_count,
        recorded_by=by.id,
    )  # fmt: skip
    db.session.add(made)
    with translated():
        write_event(by=by, action="add_passkey", record=made)
    return made


def use_passkey(*, by: User, passkey: Passkey, sign_count: int) -> None:
    """Remember that a passkey was used. The sign-in that follows has its line in the trail."""
    check(passkey.user_id == by.id)
    passkey.sign_count, passkey.used_at = sign_count, datetime.now(UTC)


def remove_passkey(*, by: User, passkey: Passkey) -> None:
    """Let a passkey open nothing any more."""
    check(passkey.user_id == by.id)
    _check_another_factor(by)
    _forget(by, passkey, "remove_passkey")


def _check_another_factor(user: User) -> None:
    if second_factor_required() and len(user.webauthn) + (user.authenticator is not None) < 2:
        raise Refused("form", ONLY_ONE)


def _forget(by: User, record: Authenticator | Passkey | RecoveryCode, action: str) -> None:
    """A secret that opens nothing any more is not kept; the trail says that it was."""
    write_event(by=by, action=action, record=record, before=facts(record), after={})
    db.session.delete(record)


def make_recovery_codes(*, by: User) -> list[str]:
    """Ten new codes, which nobody can read again; those before are good no longer."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == by.id))
    codes = ["".join(secrets.choice(LETTERS) for _ in range(SYMBOLS)) for _ in range(RECOVERY_CODES)]
    db.session.add_all(RecoveryCode(user_id=by.id, digest=_digest(by, code), recorded_by=by.id) for code in codes)
    write_event(by=by, action="make_recovery_codes", record=by, after={"recovery_codes": len(codes)})
    return ["-".join(code[start : start + 4] for start in range(0, SYMBOLS, 4)) for code in codes]


def accept_recovery_code(*, by: User, code: str) -> str | None:
    """Look at a recovery code; what is wrong with it, or None. Each is good once."""
    return _attempt(by, lambda: _use_recovery_code(by, code), WRONG_RECOVERY_CODE)


def _use_recovery_code(user: User, code: str) -> bool:
    wanted = RecoveryCode.user_id == user.id, RecoveryCode.digest == _digest(user, code)
    kept = db.session.scalar(select(RecoveryCode).where(*wanted))
    if kept is not None:
        _forget(user, kept, "use_recovery_code")
    return kept is not None


def _digest(user: User, code: str) -> str:
    """Keyed, so that the database alone does not give a code away; however it was typed."""
    return keyring.index(f"{user.id} {''.join(each for each in code.upper() if each in LETTERS)}", "recovery_code")


def reset_second_factor(*, by: User, user: User, reason: str) -> None:
    """Forget every second factor of somebody who lost theirs, and end their sign-ins. They set a new one up."""
    check(may_manage(by))
    counts = {
        kind.__tablename__: db.session.scalar(select(func.count()).where(kind.user_id == user.id))
        for kind in (Authenticator, Passkey, RecoveryCode)
    }
    write_event(
        by=by, action="reset_second_factor", record=user, before=counts, after=dict.fromkeys(counts, 0), reason=reason
    )
    for kind in (Authenticator, Passkey, RecoveryCode):
        db.session.execute(delete(kind).where(kind.user_id == user.id))
    end_sign_ins(by=by, user=user, reason=reason)

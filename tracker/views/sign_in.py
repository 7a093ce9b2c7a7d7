"""Signing in and out. The library checks passwords, codes and passkeys; the throttle, the pages and words are ours."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask_security.datastore import SQLAlchemySessionUserDatastore

from ..actions.staff import user_datastore
from ..config import Config
from ..extensions import keyring, security
from ..forms.sign_in import AgainForm, SignInForm


def init_app(app: Flask, config: Config) -> None:
    app.config.update(
        SECURITY_PASSWORD_HASH="argon2",
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH=["argon2"],
        SECURITY_PASSWORD_SALT=config.keys.password_salt,
        SECURITY_LOGIN_URL="/sign-in",
        SECURITY_LOGOUT_URL="/sign-out",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/sign-in",
        SECURITY_UNAUTHORIZED_VIEW=None,
        SECURITY_LOGIN_USER_TEMPLATE="account/sign-in.html",
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_JOIN_USER_ROLES=False,
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_DEFAULT_REMEMBER_ME=False,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
        SECURITY_FRESHNESS=timedelta(minutes=30),
        SECURITY_VERIFY_URL="/password-again",
        SECURITY_VERIFY_TEMPLATE="account/password-again.html",
        SECURITY_POST_VERIFY_VIEW="/account",
        # The library leads whoever has a second factor to our step, and keeps the half that is done until then. Its own
        # pages for setting factors up write outside our transactions and trail: they have no rule, so they stay shut.
        SECURITY_TWO_FACTOR=True,
        SECURITY_TWO_FACTOR_ENABLED_METHODS=["second-step"],
        SECURITY_TWO_FACTOR_IMPLEMENTATIONS={"second-step": "tracker.views.second_step.SecondStep"},
        SECURITY_TWO_FACTOR_ERROR_VIEW="/sign-in",
        SECURITY_TOTP_ISSUER="Link worker kit",
        SECURITY_TOTP_SECRETS={"1": keyring.index("key", "authenticator")},
        SECURITY_WAN_ALLOW_AS_VERIFY=["first", "secondary"],
        REMEMBER_COOKIE_DURATION=timedelta(seconds=1),
    )
    datastore: SQLAlchemySessionUserDatastore = user_datastore(by=None)
    security.init_app(app, datastore, login_form=SignInForm, verify_form=AgainForm)

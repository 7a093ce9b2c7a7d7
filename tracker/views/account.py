"""Signing in and out. The library checks passwords and will bring second factors; the throttle and words are ours."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask_security.datastore import SQLAlchemySessionUserDatastore

from ..actions.staff import user_datastore
from ..config import Config
from ..extensions import security
from ..forms.sign_in import SignInForm


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
        REMEMBER_COOKIE_DURATION=timedelta(seconds=1),
    )
    datastore: SQLAlchemySessionUserDatastore = user_datastore(by=None)
    security.init_app(app, datastore, login_form=SignInForm)

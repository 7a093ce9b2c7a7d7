"""An administrator's work with colleagues: inviting them, their roles, posts and accounts. No clinical content."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from ..actions import invitations, second_factor
from ..actions import staff as actions
from ..forms.staff import EndPostForm, InvitationForm, NewLinkForm, PlaceForm, PostForm, ReasonForm
from ..queries import administration, staff
from .gate import rule
from .show import made_before, made_now, me, page, saved

pages = Blueprint("staff", __name__)


@pages.get("/staff")
@rule("administrator")
def everyone() -> str:
    return render_template("staff/everyone.html", users=staff.everyone(by=me()), places=staff.places(by=me()))


@pages.get("/staff/<uuid:user_id>")
@rule("administrator")
def view(user_id: uuid.UUID) -> str:
    asker = me()
    user = administration.colleague(user_id, by=asker)
    account, places = administration.account(user, by=asker), staff.places(by=asker)
    return render_template("staff/colleague.html", user=user, account=account, places=places)


# --------------------------------------------------------------------------------------- invitations


@pages.route("/staff/invite", methods=["GET", "POST"])
@rule("administrator")
def invite() -> tuple[str, int]:
    """The link is shown by the answer that makes it, and never again."""
    form = InvitationForm()
    _offer_places(form)
    if form.validate_on_submit() and (made := saved(form, lambda: _invite(form))):
        made_now(form)
        return _link(*made)
    return page("staff/invite.html", form)


def _invite(form: InvitationForm) -> tuple[invitations.Invitation, str]:
    return invitations.invite(by=me(), email=str(form.email.data), name=str(form.name.data), **_chosen(form))


def _offer_places(form: PlaceForm) -> None:
    asker = me()
    form.study.choices = {"": "No study", **{str(s.id): s.title for s in administration.all_studies(by=asker)}}
    form.site.choices = {"": "No site", **{str(s.id): s.name for s in administration.all_sites(by=asker)}}


def _chosen(form: PlaceForm) -> dict[str, Any]:
    asker = me()
    return {
        "role": form.role.data,
        "study": administration.study(uuid.UUID(form.study.data), by=asker) if form.study.data else None,
        "site": administration.site(uuid.UUID(form.site.data), by=asker) if form.site.data else None,
    }


def _link(invitation: invitations.Invitation, token: str) -> tuple[str, int]:
    url = url_for("invitations.arrive", token=token, _external=True)
    return page("staff/link.html", None, url=url, user=invitation.user, until=invitation.valid_until)


@pages.route("/staff/<uuid:user_id>/link", methods=["GET", "POST"])
@rule("administrator")
def new_link(user_id: uuid.UUID) -> tuple[str, int]:
    user = administration.colleague(user_id, by=me())
    form = NewLinkForm()
    if form.validate_on_submit() and not made_before(form) and (made := saved(form, lambda: _new_link(form, user))):
        made_now(form)
        return _link(*made)
    return page("staff/new-link.html", form, user=user)


def _new_link(form: ReasonForm, user: Any) -> tuple[invitations.Invitation, str]:
    return invitations.invite_again(by=me(), user=user, reason=str(form.reason.data))


# ------------------------------------------------------------------------------------------ accounts


def _with_reason(
    user_id: uuid.UUID, template: str, act: Callable[..., object], done: str
) -> tuple[str, int] | Response:
    """A page that says what will happen to somebody's account, asks why, and does it."""
    user = administration.colleague(user_id, by=me())
    form = ReasonForm()
    if form.validate_on_submit() and saved(form, lambda: act(by=me(), user=user, reason=form.reason.data) is None):
        flash(done, "success")
        return redirect(url_for(".view", user_id=user_id))
    return page(template, form, user=user)


@pages.route("/staff/<uuid:user_id>/disable", methods=["GET", "POST"])
@rule("administrator")
def disable(user_id: uuid.UUID) -> tuple[str, int] | Response:
    done = "The account was disabled, and every sign-in of it ended."
    return _with_reason(user_id, "staff/disable.html", actions.disable_user, done)


@pages.route("/staff/<uuid:user_id>/enable", methods=["GET", "POST"])
@rule("administrator")
def enable(user_id: uuid.UUID) -> tuple[str, int] | Response:
    return _with_reason(user_id, "staff/enable.html", actions.enable_user, "The account is in use again.")


@pages.route("/staff/<uuid:user_id>/end-sign-ins", methods=["GET", "POST"])
@rule("administrator")
def end_sign_ins(user_id: uuid.UUID) -> tuple[str, int] | Response:
    return _with_reason(user_id, "staff/end-sign-ins.html", actions.end_sign_ins, "Every sign-in of theirs ended.")


@pages.route("/staff/<uuid:user_id>/reset-second-factor", methods=["GET", "POST"])
@rule("administrator")
def reset_second_factor(user_id: uuid.UUID) -> tuple[str, int] | Response:
    done = "Their second factors were forgotten, and every sign-in of theirs ended."
    return _with_reason(user_id, "staff/reset-second-factor.html", second_factor.reset_second_factor, done)


# --------------------------------------------------------------------------------------------- roles


@pages.route("/staff/<uuid:user_id>/roles/new", methods=["GET", "POST"])
@rule("administrator")
def grant(user_id: uuid.UUID) -> tuple[str, int] | Response:
    user = administration.colleague(user_id, by=me())
    form = PlaceForm()
    _offer_places(form)
    if form.validate_on_submit() and saved(form, lambda: actions.grant(by=me(), user=user, **_chosen(form))):
        flash("The role was given. It holds from the next page they open.", "success")
        return redirect(url_for(".view", user_id=user_id))
    return page("staff/grant.html", form, user=user)


@pages.route("/roles/<uuid:membership_id>/end", methods=["GET", "POST"])
@rule("administrator")
def end_role(membership_id: uuid.UUID) -> tuple[str, int] | Response:
    membership = administration.membership(membership_id, by=me())
    form = ReasonForm()
    if form.validate_on_submit() and saved(form, lambda: _end_role(form, membership)):
        flash("The role ended.", "success")
        return redirect(url_for(".view", user_id=membership.user_id))
    return page("staff/end-role.html", form, membership=membership, places=staff.places(by=me()))


def _end_role(form: ReasonForm, membership: Any) -> bool:
    actions.end_membership(by=me(), membership=membership, reason=str(form.reason.data))
    return True


# --------------------------------------------------------------------------------------------- posts


@pages.route("/staff/<uuid:user_id>/posts/new", methods=["GET", "POST"])
@rule("administrator")
def appoint(user_id: uuid.UUID) -> tuple[str, int] | Response:
    user = administration.colleague(user_id, by=me())
    form = PostForm()
    form.site.choices = {"": "Choose", **{str(s.id): s.name for s in administration.all_sites(by=me())}}
    if form.validate_on_submit() and saved(form, lambda: _appoint(form, user)):
        flash("The post was written down.", "success")
        return redirect(url_for(".view", user_id=user_id))
    return page("staff/appoint.html", form, user=user)


def _appoint(form: PostForm, user: Any) -> actions.Post:
    return actions.appoint(
        by=me(),
        user=user,
        site=administration.site(uuid.UUID(form.site.data), by=me()),
        fte=form.fte.data or 0,
        from_on=form.from_on.data,
        until_on=form.until_on.data,
    )


@pages.route("/posts/<uuid:post_id>/end", methods=["GET", "POST"])
@rule("administrator")
def end_post(post_id: uuid.UUID) -> tuple[str, int] | Response:
    post = administration.post(post_id, by=me())
    form = EndPostForm()
    if form.validate_on_submit() and saved(form, lambda: _end_post(form, post)):
        flash("The last day of the post was saved.", "success")
        return redirect(url_for(".view", user_id=post.user_id))
    return page("staff/end-post.html", form, post=post, places=staff.places(by=me()))


def _end_post(form: EndPostForm, post: Any) -> bool:
    actions.end_post(by=me(), post=post, until_on=form.until_on.data, reason=str(form.reason.data))
    return True

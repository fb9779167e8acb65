"""What the pages know about a request that `protect` let through."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Scope

from pipelines.config.serve import Role


@dataclass(frozen=True)
class User:
    """A user of the pages; `name` is empty where nobody has logged in, as on `/health`."""

    name: str
    role: Role

    @property
    def is_operator(self) -> bool:
        return self.role == "operator"


NOBODY = User("", "viewer")
LOCAL = User("local", "operator")  # everyone, if there are no users
Form = dict[str, list[str]]


def add_facts(scope: Scope, user: User, csrf: str, form: Form, notice: str = "") -> Scope:
    """A copy of the scope whose `request.state` has `user`, `csrf`, `form` and `notice`."""
    facts = {"user": user, "csrf": csrf, "form": form, "notice": notice}
    return {**scope, "state": {**scope.get("state", {}), **facts}}


def current_user(request: Request) -> User:
    user: User = request.state.user
    return user


def operator_notice(request: Request) -> str:
    """What an operator must do about serve.toml; "" for nothing, and for viewers."""
    notice: str = request.state.notice
    return notice if current_user(request).is_operator else ""


def csrf_token(request: Request) -> str:
    """The token that each form sends as `csrf`, and each script as the header `X-CSRF-Token`."""
    token: str = request.state.csrf
    return token


def form(request: Request) -> Form:
    """The values of the form that was sent, by field; also those that were left empty."""
    values: Form = request.state.form
    return values


def require_operator(request: Request) -> User:
    """The user. Raises HTTPException (403) for a viewer. `protect` already refuses everything that a viewer sends."""
    user = current_user(request)
    if not user.is_operator:
        raise HTTPException(403, "Only an operator may do this.")
    return user

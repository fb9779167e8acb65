"""myOGO's OAuth tokens: password grant, renewed before they expire, kept in memory only."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard
from urllib.parse import urlencode, urlsplit

from pipelines.core.errors import ConfigError, CredentialsError, TargetUnavailable
from pipelines.core.logs import excerpt, register_secret
from pipelines.systems.http.failures import CallFailed, RedirectNotFollowed
from pipelines.systems.http.session import Answer, NotJson, Repeat, Request, Session
from pipelines.systems.myogo.config import MyOgoConfig, budget_of

# OGOship's API article lists eight scopes; the product scopes include stock.
PRODUCT_SCOPES = ("read:product", "write:product")
LIFETIME_S = 5400.0  # OGOship's API article: 1.5 hours; used if the answer has no usable expires_in
RENEW_EARLY_S = 300.0
_FIX = (
    "Compare merchant_id and secret_token with myOGO: Edit Merchant > Integrations > API Information "
    "(a new token can be created there), and client_id and client_secret with those that OGOship gave you."
)


class OAuthTokenProvider:
    """The access token of one merchant. At most one token request is in flight.

    An access token is valid for 1.5 hours, a refresh token for two weeks and exactly one refresh (OGOship's API
    article).
    """

    def __init__(
        self,
        config: MyOgoConfig,
        scopes: Sequence[str] = PRODUCT_SCOPES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scopes = tuple(scopes)
        self.session = Session("myOGO", config, config.token_url, budget_of(config))
        self._client = {
            "client_id": config.client_id.reveal(identifier=True),
            "client_secret": config.client_secret.reveal(),
        }
        self._password = {
            "username": config.merchant_id.reveal(identifier=True),
            "password": config.secret_token.reveal(),
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._access = ""
        self._refresh = ""
        self._good_until = 0.0
        self.granted: str | None = None  # the granted scopes, if the token endpoint returns them

    @property
    def account_ids(self) -> tuple[str, ...]:
        """Our client id and merchant id, which myOGO's rows may contain."""
        return self._client["client_id"], self._password["username"]

    @property
    def scopes_in_words(self) -> str:
        """The requested scopes, in words."""
        return f"{', '.join(self.scopes[:-1])} and {self.scopes[-1]}"

    def current(self) -> str:
        """A valid token. Raises CredentialsError, ConfigError or TargetUnavailable."""
        with self._lock:
            if not self._access or self._clock() >= self._good_until:
                self._renew()
            return self._access

    def reject(self, token: str) -> None:
        """Marks `token` as expired after a 401: the next `current` requests another, unless a thread has already."""
        with self._lock:
            if token == self._access:
                self._good_until = 0.0

    def _renew(self) -> None:
        if self._refresh:
            refresh_token, self._refresh = self._refresh, ""
            answer = self._request_token(
                {"grant_type": "refresh_token", "refresh_token": refresh_token, **self._client}
            )
            if 200 <= answer.status < 300 and self._store_token(answer):
                return
        grant = {"grant_type": "password", "scope": " ".join(self.scopes), **self._password, **self._client}
        answer = self._request_token(grant)
        if 200 <= answer.status < 300:
            if self._store_token(answer):
                return
            if not answer.is_json and not answer.looks_like_html:
                raise TargetUnavailable(
                    f"The token address answered {answer.status} each time without a readable answer: it sent "
                    f"{_kind(answer)}.",
                    "Safe to run again when myOGO answers.",
                )
            raise ConfigError(
                f"The token address answered {answer.status} without a usable access_token: it sent {_kind(answer)}.",
                "Compare token_url with https://my.ogoship.com/OAuth/Token.",
            )
        self._raise_for(answer)

    def _request_token(self, form: dict[str, str]) -> Answer:
        request = Request(
            "POST",
            "",
            Repeat.IDEMPOTENT if form["grant_type"] == "password" else Repeat.ONCE,
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            expects_json=True,
            is_login=True,
        )
        try:
            return self.session.call(request)
        except RedirectNotFollowed as error:
            raise ConfigError(
                f"The token address: {error.message}. Our secrets are never sent on to another address.",
                "Compare token_url with https://my.ogoship.com/OAuth/Token.",
            ) from error
        except CallFailed as error:
            if form["grant_type"] == "refresh_token":
                # Whether the refresh token was used is unknown; the caller falls back to the password grant.
                return Answer(error.status or 0, {}, b"")
            raise TargetUnavailable(
                f"The token address: {error.message}.",
                error.fix or "Safe to run again when myOGO answers.",
            ) from error

    def _store_token(self, answer: Answer) -> bool:
        """Whether the answer has a usable access token, which is then stored."""
        document = _object(answer)
        access, refresh = document.get("access_token"), document.get("refresh_token")
        if not _sendable(access):
            return False
        self._access = access
        self._refresh = refresh if _sendable(refresh) else ""
        scope = document.get("scope")
        self.granted = scope if isinstance(scope, str) else None
        register_secret(access)
        register_secret(self._refresh)
        try:
            lifetime = float(document.get("expires_in") or 0)
        except (TypeError, ValueError, OverflowError):
            lifetime = 0.0
        if not 0 < lifetime < math.inf:
            lifetime = LIFETIME_S
        self._good_until = self._clock() + max(lifetime - RENEW_EARLY_S, lifetime / 2)
        return True

    def _raise_for(self, answer: Answer) -> None:
        document = _object(answer)
        error = str(document.get("error") or "")
        message = str(document.get("error_description") or document.get("message") or error or answer.excerpt())
        message = excerpt(message, 200).rstrip(".")
        if error == "invalid_scope":
            raise CredentialsError(
                f"myOGO does not grant the scopes {' '.join(self.scopes)!r}: HTTP {answer.status} {message}.",
                "Ask OGOship's tech team to allow these scopes for your client_id.",
            )
        if error == "invalid_client":
            raise CredentialsError(
                f"myOGO does not know client_id and client_secret: HTTP {answer.status} {message}.", _FIX
            )
        if answer.status in (400, 401, 403):
            raise CredentialsError(f"myOGO rejected the merchant's credentials: HTTP {answer.status} {message}.", _FIX)
        raise ConfigError(
            f"The token address {urlsplit(self.session.base_url).netloc} answered HTTP {answer.status}: {message}.",
            "Compare token_url with https://my.ogoship.com/OAuth/Token.",
        )


def _sendable(token: object) -> TypeGuard[str]:
    """Whether the token can be sent in a header: visible ASCII (RFC 6750)."""
    return isinstance(token, str) and token != "" and token.isascii() and token.isprintable() and " " not in token


def _kind(answer: Answer) -> str:
    """The kind of the body, without a quote: it may contain a token anywhere."""
    if answer.looks_like_html:
        return "an HTML page"
    try:
        document = answer.json()
    except NotJson:
        return f"{len(answer.body)} bytes that are not JSON"
    return f"JSON with {len(document)} fields" if isinstance(document, dict) else "JSON that is not an object"


def _object(answer: Answer) -> dict[str, Any]:
    try:
        document = answer.json()
    except NotJson:
        return {}
    return document if isinstance(document, dict) else {}

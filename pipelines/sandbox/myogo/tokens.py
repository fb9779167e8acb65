"""myOGO's OAuth tokens: issued for a password or a refresh token; a refresh token works once; all expire."""

import secrets
from dataclasses import dataclass
from hmac import compare_digest

from pipelines.sandbox.common.clock import Clock
from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.common.switches import MyogoSwitches

SCOPES = frozenset(
    f"{right}:{thing}" for right in ("read", "write") for thing in ("order", "product", "webhook", "metadata")
)


class Refused(Exception):
    """An error of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True)
class Grant:
    """The scopes of a token, and when it expires in seconds since the epoch."""

    scopes: frozenset[str]
    expires: float


class Tokens:
    """The valid tokens."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def grant(self, form: dict[str, str], switches: MyogoSwitches) -> dict[str, str | int]:
        """The token response for the form; Refused if it is not accepted."""
        client = form.get("client_id", ""), form.get("client_secret", "")
        if not _same(client, (self._credentials.client_id, self._credentials.client_secret)):
            raise Refused("invalid_client", "The client id or client secret is wrong.")
        match form.get("grant_type"):
            case "password":
                scopes = self._password_scopes(form)
            case "refresh_token":
                scopes = self._refresh_scopes(form)
            case None:
                raise Refused("invalid_request", "grant_type is missing.")
            case other:
                raise Refused("unsupported_grant_type", f"{other} is not supported.")
        now = self._clock.now()
        # Three parts like a JWT, but opaque.
        access = ".".join(secrets.token_urlsafe(24) for _ in range(3))
        refresh = secrets.token_urlsafe(32)
        self._access[access] = Grant(scopes, now + switches.token_ttl_s)
        self._refresh[refresh] = Grant(scopes, now + switches.refresh_ttl_s)
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": switches.token_ttl_s,
            "refresh_token": refresh,
        }

    def scopes(self, access_token: str) -> frozenset[str] | None:
        """The scopes of the access token; None if it is unknown, revoked or expired."""
        grant = self._access.get(access_token)
        return grant.scopes if grant and grant.expires > self._clock.now() else None

    def revoke_access(self) -> None:
        """Revokes all access tokens."""
        self._access.clear()

    def revoke_refresh(self) -> None:
        """Revokes all refresh tokens, as if each had been used already."""
        self._refresh.clear()

    def _password_scopes(self, form: dict[str, str]) -> frozenset[str]:
        user = form.get("username", ""), form.get("password", "")
        if not _same(user, (self._credentials.merchant_id, self._credentials.secret_token)):
            raise Refused("invalid_grant", "The merchant id or secret token is wrong.")
        scopes = frozenset(form.get("scope", "").split())
        if not scopes <= SCOPES:
            raise Refused("invalid_scope", f"There is no scope {' '.join(sorted(scopes - SCOPES))}.")
        return scopes

    def _refresh_scopes(self, form: dict[str, str]) -> frozenset[str]:
        # A refresh token works once.
        grant = self._refresh.pop(form.get("refresh_token", ""), None)
        if grant is None or grant.expires <= self._clock.now():
            raise Refused("invalid_grant", "The refresh token is spent, expired or unknown.")
        return grant.scopes


def _same(given: tuple[str, str], expected: tuple[str, str]) -> bool:
    first, second = (compare_digest(a.encode(), b.encode()) for a, b in zip(given, expected, strict=True))
    return first and second

"""myOGO's OAuth tokens: granted for a password, renewed once, forgotten when their time is up."""

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
    """What a token allows, and until when."""

    scopes: frozenset[str]
    expires: float


class Tokens:
    """Every token given out and still good."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._known = credentials
        self._clock = clock
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def granted(self, form: dict[str, str], switches: MyogoSwitches) -> dict[str, str | int]:
        """The token response to the form, or Refused."""
        client = form.get("client_id", ""), form.get("client_secret", "")
        if not _same(client, (self._known.client_id, self._known.client_secret)):
            raise Refused("invalid_client", "The client id or client secret is wrong.")
        match form.get("grant_type"):
            case "password":
                scopes = self._for_password(form)
            case "refresh_token":
                scopes = self._for_refresh(form)
            case None:
                raise Refused("invalid_request", "grant_type is missing.")
            case other:
                raise Refused("unsupported_grant_type", f"{other} is not supported.")
        now = self._clock.now()
        # Three parts, as a JWT has; opaque to every client all the same.
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
        """What the access token allows, None if it is not good any more."""
        grant = self._access.get(access_token)
        return grant.scopes if grant and grant.expires > self._clock.now() else None

    def revoke_access(self) -> None:
        """Makes every access token given out so far worthless."""
        self._access.clear()

    def revoke_refresh(self) -> None:
        """Makes every refresh token given out so far worthless, as if each had been used already."""
        self._refresh.clear()

    def _for_password(self, form: dict[str, str]) -> frozenset[str]:
        user = form.get("username", ""), form.get("password", "")
        if not _same(user, (self._known.merchant_id, self._known.secret_token)):
            raise Refused("invalid_grant", "The merchant id or secret token is wrong.")
        scopes = frozenset(form.get("scope", "").split())
        if not scopes <= SCOPES:
            raise Refused("invalid_scope", f"There is no scope {' '.join(sorted(scopes - SCOPES))}.")
        return scopes

    def _for_refresh(self, form: dict[str, str]) -> frozenset[str]:
        # A refresh token is good for exactly one refresh.
        grant = self._refresh.pop(form.get("refresh_token", ""), None)
        if grant is None or grant.expires <= self._clock.now():
            raise Refused("invalid_grant", "The refresh token is spent, expired or unknown.")
        return grant.scopes


def _same(shown: tuple[str, str], known: tuple[str, str]) -> bool:
    first, second = (compare_digest(a.encode(), b.encode()) for a, b in zip(shown, known, strict=True))
    return first and second

"""Hashes of passwords: scrypt, with its parameters and the salt in the text."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipelines.config.serve import ServeUser
from pipelines.core.errors import ConfigError
from pipelines.web.access.request_facts import User

MIN_PASSWORD = 12  # characters
_N, _R, _P = 1 << 14, 8, 5  # 16 MiB and part of a second: a row of OWASP's password storage cheat sheet
_MAX_MEMORY = 1 << 28  # bytes
_BYTES = r"([A-Za-z0-9_-]+)"
_TEXT = re.compile(rf"scrypt\$([0-9]{{1,7}})\$([0-9]{{1,2}})\$([0-9]{{1,2}})\${_BYTES}\${_BYTES}")


@dataclass(frozen=True)
class PasswordHash:
    """`n`, `r` and `p` are scrypt's cost, block size and parallelism."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, password: str, n: int = _N, r: int = _R, p: int = _P) -> PasswordHash:
        """A hash with a new salt."""
        made = cls(n, r, p, secrets.token_bytes(16), b"")
        return replace(made, digest=made._computed(password))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """Raises ValueError."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError("it is not of the form scrypt$n$r$p$salt$hash")
        n, r, p = int(match[1]), int(match[2]), int(match[3])
        if n < 2 or n & (n - 1) or not r or not p or 128 * n * r > _MAX_MEMORY:
            raise ValueError("its parameters n, r and p cannot be used")
        salt, digest = _decoded(match[4]), _decoded(match[5])
        if len(salt) < 8 or len(digest) != 32:
            raise ValueError("its salt or its hash has a wrong length: it may be cut off")
        return cls(n, r, p, salt, digest)

    @property
    def text(self) -> str:
        return f"scrypt${self.n}${self.r}${self.p}${_encoded(self.salt)}${_encoded(self.digest)}"

    @property
    def cost(self) -> int:
        return self.n * self.r * self.p

    def matches(self, password: str) -> bool:
        """Takes as long for a wrong password as for the right one."""
        return hmac.compare_digest(self._computed(password), self.digest)

    def _computed(self, password: str) -> bytes:
        # The same letters, however the keyboard composes them.
        typed = unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
        memory = 128 * self.r * (self.n + self.p + 2)
        return hashlib.scrypt(typed, salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=memory, dklen=32)


def new_hash(password: str) -> str:
    """The text of the password's hash. Raises ConfigError if the password is too short."""
    if len(password) < MIN_PASSWORD:
        raise ConfigError(
            f"The password has only {len(password)} characters.",
            f"Use at least {MIN_PASSWORD}: a password manager makes one, or take four words that have nothing to do "
            "with each other.",
        )
    return PasswordHash.of(password).text


class Accounts:
    """The users of serve.toml with their hashes. Raises ConfigError if a hash is missing or cannot be one.

    `changes` counts how often they were replaced.
    """

    def __init__(self, users: Mapping[str, ServeUser]) -> None:
        self.changes = 0
        self._users = {name: User(name, user.role) for name, user in users.items()}
        self._hashes = {name: _hash_of(name, user) for name, user in users.items()}
        costly = max(self._hashes.values(), key=lambda one: one.cost, default=None)
        # Compared for unknown names, so that they take as long as known ones.
        self._decoy = costly and replace(costly, salt=secrets.token_bytes(16), digest=secrets.token_bytes(32))

    def __bool__(self) -> bool:
        return bool(self._users)

    def __contains__(self, name: str) -> bool:
        return name in self._users

    @property
    def users(self) -> Mapping[str, User]:
        return self._users

    def replace(self, new: Accounts) -> set[str]:
        """Takes over the users of `new`. The names of those before who are gone or have another password."""
        ended = {name for name, known in self._hashes.items() if new._hashes.get(name) != known}
        self._users, self._hashes, self._decoy = new._users, new._hashes, new._decoy
        self.changes += 1
        return ended

    def check(self, name: str, password: str) -> User | None:
        """The user if the password is right. Takes part of a second: call it in a thread."""
        known = self._hashes.get(name, self._decoy)
        right = known is not None and known.matches(password)
        return self._users.get(name) if right else None


def _hash_of(name: str, user: ServeUser) -> PasswordHash:
    try:
        return PasswordHash.parse(user.password_hash.reveal())
    except ValueError as error:
        raise ConfigError(
            f"The password hash of the user {name} cannot be used: {error}.",
            f"Make a new one with `centra-myogo password {name}`, and copy the complete line with its quotation marks.",
        ) from error


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

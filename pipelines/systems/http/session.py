"""One system's HTTP: rate, retries, time limits, and no secret to any other host.

Retry rights are declared per call, never guessed from the verb. What a call may end in:

    Answer                a complete answer with a status we know how to read
    NotSent               the request provably never reached the system
    NoAnswer              it may have reached the system; nobody knows what became of it
    TooLarge              an answer larger than any real one, given up; it would be no smaller the next time
    Busy                  the system answered that it cannot serve now (429, 5xx), to the last attempt
    MovedAway             a redirect, which is never followed with a secret in hand
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyrate_limiter
import requests
import stamina
import urllib3

from pipelines.config.channel import SystemConfig
from pipelines.core.failpoints import hit
from pipelines.core.json_codec import NotJson, decode
from pipelines.core.logs import excerpt
from pipelines.systems.http.failures import (
    AnswerTooLarge,
    CallFailed,
    NoAnswer,
    RedirectNotFollowed,
    RequestNotSent,
    ServerBusy,
    failure_of,
)
from pipelines.systems.http.hardened_session import Headers, hardened_session
from pipelines.systems.http.retry_after import seconds_to_wait

log = logging.getLogger(__name__)

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
MAX_WAIT_S = 120.0
MAX_CALL_S = 600.0
# A size with all its texts and price lists takes a few KiB; an answer is given up where memory would be at stake.
MAX_ANSWER, MAX_ROW = 8 << 20, 64 << 10
EXCERPT_OF = 100_000


class Repeat(Enum):
    """SAFE: reading. IDEMPOTENT: writing the same thing twice does no harm. ONCE: only if it was not served."""

    SAFE = "safe"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The document. Raises NotJson."""
        return decode(self.body)

    def excerpt(self) -> str:
        """The start of the body on one line, secrets masked."""
        # Masked before it is cut: the first half of a secret is no better than the whole.
        start = self.body[:EXCERPT_OF].decode("utf-8", "replace")
        return excerpt(" ".join(start.split()), 200, truncated=len(self.body) > EXCERPT_OF)

    @property
    def looks_like_html(self) -> bool:
        return self.body.lstrip()[:1] == b"<"


@dataclass
class RequestStats:
    """What talking to one system has cost so far."""

    requests: int = 0
    retries: int = 0
    waited_s: float = 0.0
    bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def facts(self) -> dict[str, float]:
        return {
            "requests": self.requests,
            "retries": self.retries,
            "waited_s": round(self.waited_s, 3),
            "bytes": self.bytes,
        }


class Session:
    """A bounded, rate-limited connection pool to one host."""

    def __init__(self, name: str, system: SystemConfig, base_url: str | None = None) -> None:
        self.name = name
        self.base_url = base_url or system.base_url
        self.system = system
        self.health = RequestStats()
        # A tenth of a second's worth may go at once; without it, sleeping inexactly costs part of the rate.
        burst = max(1, int(system.requests_per_second / 10))
        rate = pyrate_limiter.Rate(burst, max(1, round(1000 * burst / system.requests_per_second)))
        bucket = pyrate_limiter.StateBucket([rate], pyrate_limiter.GCRA())
        self._limiter = pyrate_limiter.Limiter(bucket, buffer_ms=0)
        self._http = hardened_session(self.base_url, system.max_in_flight + 1)
        self._in_flight = threading.BoundedSemaphore(system.max_in_flight)
        self._closed = threading.Event()

    def close(self) -> None:
        """No request begins any more, in whatever thread; one that waits for its answer may still get it."""
        self._closed.set()
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        repeat: Repeat,
        *,
        params: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        headers: Callable[[], Mapping[str, str]] = dict,
        content_type: str = "application/json",
        quote: bool = True,
    ) -> Answer:
        """One complete answer, whatever its status outside TRANSIENT. Raises a CallFailed, which quotes it if `quote`.

        `path` is what follows the base URL. `headers` is asked anew for each attempt: a token may have been
        renewed meanwhile; what it raises is raised, unless an earlier attempt may already have been served.
        """
        where = f"{self.base_url}{path}"
        give_up_at = time.monotonic() + MAX_CALL_S
        unclear: CallFailed | None = None

        def may_retry(error: Exception) -> bool | timedelta:
            if (
                self._closed.is_set()
                or not isinstance(error, RequestNotSent | NoAnswer | ServerBusy)
                or isinstance(error, AnswerTooLarge)
            ):
                return False
            if repeat is Repeat.ONCE and not isinstance(error, RequestNotSent) and error.status != 429:
                return False
            if error.wait_s is None:
                return True
            if error.wait_s > MAX_WAIT_S:
                return False
            return timedelta(seconds=max(error.wait_s, self.system.backoff_s))

        for attempt in stamina.retry_context(
            on=may_retry,
            attempts=self.system.attempts,
            timeout=MAX_CALL_S,
            wait_initial=self.system.backoff_s,
            wait_max=self.system.backoff_s * 60,
            wait_jitter=self.system.backoff_s,
        ):
            with attempt:
                if attempt.num > 1:
                    with self.health.lock:
                        self.health.retries += 1
                    log.warning("retry system=%s %s %s attempt=%d", self.name, method, path, attempt.num)
                try:
                    own = dict(headers())
                except Exception as error:
                    if unclear is not None and repeat is not Repeat.SAFE:
                        raise unclear from error
                    raise
                if body is not None:
                    own["Content-Type"] = content_type
                try:
                    with self._in_flight:  # first: a permission to send must not grow old while others are under way
                        return self._once(method, where, params, body, own, give_up_at, quote)
                except (NoAnswer, ServerBusy) as error:
                    unclear = error if error.status != 429 else unclear
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(
        self,
        method: str,
        where: str,
        params: Mapping[str, str | int] | None,
        body: bytes | None,
        headers: Mapping[str, str],
        give_up_at: float,
        quote: bool,
    ) -> Answer:
        begun = time.monotonic()
        self._limiter.try_acquire(self.name)
        if self._closed.is_set():
            raise RequestNotSent(f"{self.name}: given up, nothing was sent")
        with self.health.lock:
            self.health.waited_s += time.monotonic() - begun
            self.health.requests += 1
        host = urlsplit(self.base_url).netloc
        largest = MAX_ANSWER + self.system.page_size * MAX_ROW
        timeout = (self.system.connect_timeout_s, self.system.read_timeout_s)
        hit(f"{self.name}: before {method}")
        try:
            with self._http.request(
                method,
                where,
                params=params,
                data=body,
                auth=Headers(headers),
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                # Where it says that we should look elsewhere, what else it says is of no use.
                body = b"" if 300 <= response.status_code < 400 else _read(response, give_up_at, largest)
                answer = Answer(response.status_code, response.headers, body)
        except _TooLarge as error:
            raise AnswerTooLarge(
                f"{self.name} ({host}): an answer of more than {largest:,} bytes, given up",
                fix="If such answers are right, set a smaller page_size in the channel file; if not, tell its support.",
            ) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise failure_of(f"{self.name} ({host})", error) from error
        hit(f"{self.name}: after {method}")
        with self.health.lock:
            self.health.bytes += len(answer.body)
        if answer.status in TRANSIENT:
            wait = seconds_to_wait(answer.headers.get("Retry-After"), datetime.now(UTC))
            said = f"{self.name} ({host}): HTTP {answer.status} {answer.excerpt() if quote else ''}".rstrip()
            raise ServerBusy(said, answer.status, wait)
        if 300 <= answer.status < 400:
            said = f"{self.name} ({host}): HTTP {answer.status}, a redirect to"
            raise RedirectNotFollowed(
                f"{said} {_without_query(where, answer.headers.get('Location', ''))}", answer.status
            )
        return answer


class _TooLarge(Exception):
    pass


def _read(response: requests.Response, give_up_at: float, largest: int) -> bytes:
    """The whole decoded body, up to a size and a moment that no real page comes near."""
    chunks, size = [], 0
    if (response.raw.length_remaining or 0) > largest:
        raise _TooLarge
    # A piece as it comes: waiting for a full one would let a trickle of bytes hold us for days.
    while chunk := response.raw.read1(1 << 18, decode_content=True):
        size += len(chunk)
        if size > largest:
            raise _TooLarge
        if time.monotonic() > give_up_at:
            raise requests.exceptions.ReadTimeout("the answer trickles")
        chunks.append(chunk)
    return b"".join(chunks)


def _without_query(where: str, location: str) -> str:
    """Where a redirect leads, for people: a query might hold what is nobody's business."""
    try:
        parts = urlsplit(urljoin(where, location))
    except ValueError:
        return "an address that is none"
    return excerpt(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", 200)


__all__ = [
    "Answer",
    "AnswerTooLarge",
    "CallFailed",
    "NoAnswer",
    "NotJson",
    "RedirectNotFollowed",
    "Repeat",
    "RequestNotSent",
    "ServerBusy",
    "Session",
]

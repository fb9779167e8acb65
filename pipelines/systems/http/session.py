"""HTTP calls to one system, with rate limit, retries and time limits; secrets go to no other host.

Each call declares whether it may be repeated; the verb does not decide that. Possible results of a call:

    Answer                a complete answer, to be read by its status
    RequestNotSent        the request provably never reached the system
    NoAnswer              the request may have reached the system; its outcome is unknown
    AnswerTooLarge        the answer exceeds the size limit; a repeat would be no smaller
    ServerBusy            the system answered the last attempt that it cannot serve now (429, 5xx)
    RedirectNotFollowed   a redirect; it is not followed, because the request carries a secret
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import stamina
import urllib3

from pipelines.core.errors import CentraMyogoError
from pipelines.core.failpoints import hit
from pipelines.core.json_codec import NotJson, NumberText, decode
from pipelines.core.logs import excerpt
from pipelines.core.url import is_loopback
from pipelines.core.write_guard import may_write
from pipelines.systems.http.failures import (
    TOO_MANY_REQUESTS,
    AnswerTooLarge,
    CallFailed,
    NoAnswer,
    RedirectNotFollowed,
    RequestNotSent,
    ServerBusy,
    failure_of,
)
from pipelines.systems.http.hardened_session import Headers, hardened_session
from pipelines.systems.http.rate import RequestRate
from pipelines.systems.http.retry_after import seconds_to_wait
from pipelines.systems.http.settings import SystemConfig

log = logging.getLogger(__name__)

TRANSIENT = frozenset({408, 425, TOO_MANY_REQUESTS, 500, 502, 503, 504, 520, 521, 522, 523, 524})
MAX_WAIT_S = 120.0
MAX_CALL_S = 600.0
# A size with all its texts and price lists takes a few KiB; larger answers are not read, to protect the memory.
MAX_ANSWER, MAX_ROW = 8 << 20, 64 << 10
EXCERPT_OF = 100_000


class Repeat(Enum):
    """When a request may be repeated. SAFE: it only reads. IDEMPOTENT: a second write has no further effect. ONCE: only
    if the first was provably not served."""

    SAFE = "safe"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


@dataclass(frozen=True)
class Request:
    """One call. `path` is appended to the base URL; `repeat` decides when the request may be sent again.

    `headers` is called for each attempt, because a token may be renewed between attempts. `quote` allows errors to
    quote the answer; it is false where an answer may contain personal data. `expects_json`: a successful answer that is
    not JSON (half of it, or an HTML page) is a passing fault. `is_login`: it writes nothing, whatever `repeat` says.
    """

    method: str
    path: str
    repeat: Repeat
    params: Mapping[str, str | int] | None = None
    body: bytes | None = None
    headers: Callable[[], Mapping[str, str]] = dict
    content_type: str = "application/json"
    quote: bool = True
    expects_json: bool = False
    is_login: bool = False


@dataclass(frozen=True)
class RetryPolicy:
    """The number of attempts of a call and the pauses between them (seconds)."""

    attempts: int
    backoff_s: float

    def may_retry(self, repeat: Repeat, error: Exception) -> bool | timedelta:
        """Whether the call may be sent again, or the minimum pause before that."""
        if not isinstance(error, RequestNotSent | NoAnswer | ServerBusy) or isinstance(error, AnswerTooLarge):
            return False
        if repeat is Repeat.ONCE and not isinstance(error, RequestNotSent) and error.status != TOO_MANY_REQUESTS:
            return False
        if error.wait_s is None:
            return True
        return error.wait_s <= MAX_WAIT_S and timedelta(seconds=max(error.wait_s, self.backoff_s))

    def attempts_while(self, may_retry: Callable[[Exception], bool | timedelta]) -> Iterator[stamina.Attempt]:
        return iter(
            stamina.retry_context(
                on=may_retry,
                attempts=self.attempts,
                timeout=MAX_CALL_S,
                wait_initial=self.backoff_s,
                wait_max=self.backoff_s * 60,
                wait_jitter=self.backoff_s,
            )
        )


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The document, decoded once. Raises NotJson."""
        return self._document

    @cached_property
    def _document(self) -> Any:
        return decode(self.body, NumberText)

    @property
    def is_json(self) -> bool:
        try:
            self.json()
        except NotJson:
            return False
        return True

    def excerpt(self) -> str:
        """The start of the body on one line, secrets masked."""
        # Masked before the cut, so that no part of a secret remains.
        start = self.body[:EXCERPT_OF].decode("utf-8", "replace")
        return excerpt(" ".join(start.split()), 200, truncated=len(self.body) > EXCERPT_OF)

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    @property
    def looks_like_html(self) -> bool:
        return self.body.lstrip()[:1] == b"<"


class _NotJsonAnswer(NoAnswer):
    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message, answer.status)
        self.answer = answer


@dataclass
class RequestStats:
    """Counts of the requests to one system so far."""

    requests: int = 0
    retries: int = 0
    waited_s: float = 0.0
    bytes: int = 0
    rows: int = 0  # of lists; for the progress of a read
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def facts(self) -> dict[str, float]:
        return {
            "requests": self.requests,
            "retries": self.retries,
            "waited_s": round(self.waited_s, 3),
            "bytes": self.bytes,
        }


class Session:
    """A bounded, rate-limited connection pool to one host. `budget` names what the system counts requests by (without
    a secret; by default the host of the config's `base_url`): with `[state]`, processes with the same one share it."""

    def __init__(self, name: str, config: SystemConfig, base_url: str | None = None, budget: str = "") -> None:
        self.name = name
        self.base_url = base_url or config.base_url
        self.config = config
        self.stats = RequestStats()
        self._policy = RetryPolicy(config.attempts, config.backoff_s)
        self._max_answer = MAX_ANSWER + config.page_size * MAX_ROW
        self._rate = RequestRate(budget or urlsplit(config.base_url).netloc, config.requests_per_second)
        self._http = hardened_session(self.base_url, config.max_in_flight + 1)
        self._in_flight = threading.BoundedSemaphore(config.max_in_flight)
        self._closed = threading.Event()

    def close(self) -> None:
        """Closes the session: no thread can start another request. A request in flight may still get its answer."""
        self._closed.set()
        self._rate.close()
        self._http.close()

    def call(self, request: Request) -> Answer:
        """One complete answer with any status outside TRANSIENT. Raises a CallFailed.

        If the last attempt's answer is not JSON although the request `expects_json`, that answer is returned. An error
        of `request.headers`, `may_write` or a shared rate is raised too, unless the system may have served an earlier
        attempt of a write: then the failure of that attempt is raised.
        """
        try:
            return self._call(request)
        except _NotJsonAnswer as error:
            return error.answer

    def _call(self, request: Request) -> Answer:
        deadline = time.monotonic() + MAX_CALL_S
        possibly_served: CallFailed | None = None
        failed: Exception | None = None

        def may_retry(error: Exception) -> bool | timedelta:
            nonlocal failed
            failed = error
            return not self._closed.is_set() and self._policy.may_retry(request.repeat, error)

        for attempt in self._policy.attempts_while(may_retry):
            with attempt:
                if attempt.num > 1:
                    self._count_retry(request, attempt.num, failed)
                try:
                    headers = dict(request.headers())
                except Exception as error:
                    if possibly_served is not None and request.repeat is not Repeat.SAFE:
                        raise possibly_served from error
                    raise
                try:
                    # Take the in-flight slot before the rate-limit token, or the token would expire while waiting.
                    with self._in_flight:
                        return self._send(request, headers, deadline)
                except (NoAnswer, ServerBusy) as error:
                    if error.status != TOO_MANY_REQUESTS:
                        possibly_served = error
                    raise
                except CentraMyogoError as error:  # no request may begin, so this attempt was not made
                    if possibly_served is None or request.repeat is Repeat.SAFE:
                        raise
                    raise possibly_served from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _count_retry(self, request: Request, number: int, failed: Exception | None) -> None:
        with self.stats.lock:
            self.stats.retries += 1
        why = f" ({failed.reason})" if isinstance(failed, CallFailed) else ""
        log.warning("%s does not answer%s, try %d of %d", self.name, why, number, self.config.attempts)
        log.debug("retry system=%s %s %s attempt=%d", self.name, request.method, request.path, number)

    def _wait_for_rate(self) -> None:
        started = time.monotonic()
        self._rate.wait(self._closed)
        if self._closed.is_set():
            raise RequestNotSent(f"{self.name}: the session is closed, nothing was sent")
        with self.stats.lock:
            self.stats.waited_s += time.monotonic() - started
            self.stats.requests += 1

    def _send(self, request: Request, headers: dict[str, str], deadline: float) -> Answer:
        """One attempt."""
        self._wait_for_rate()
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        url, at = f"{self.base_url}{request.path}", f"{self.name} ({urlsplit(self.base_url).netloc})"
        hit(f"{self.name}: before {request.method}")
        if request.repeat is not Repeat.SAFE and not request.is_login:
            may_write()
        try:
            answer = self._exchange(request, url, headers, deadline)
        except _TooLarge as error:
            raise AnswerTooLarge(
                f"{at}: the answer has more than {self._max_answer:,} bytes, reading stopped",
                fix="If such answers are normal, set a smaller page_size in the channel file; if not, contact the "
                "system's support.",
            ) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise failure_of(at, error, on_this_machine=is_loopback(self.base_url)) from error
        hit(f"{self.name}: after {request.method}")
        with self.stats.lock:
            self.stats.bytes += len(answer.body)
        if answer.status in TRANSIENT:
            wait = seconds_to_wait(answer.headers.get("Retry-After"), datetime.now(UTC))
            message = f"{at}: HTTP {answer.status} {answer.excerpt() if request.quote else ''}".rstrip()
            raise ServerBusy(message, answer.status, wait)
        if answer.is_redirect:
            location = _without_query(url, answer.headers.get("Location", ""))
            raise RedirectNotFollowed(f"{at}: HTTP {answer.status}, a redirect to {location}", answer.status)
        if request.expects_json and 200 <= answer.status < 300 and not answer.is_json:
            raise _NotJsonAnswer(f"{at}: HTTP {answer.status} with a body that is not JSON", answer)
        return answer

    def _exchange(self, request: Request, url: str, headers: Mapping[str, str], deadline: float) -> Answer:
        with self._http.request(
            request.method,
            url,
            params=request.params,
            data=request.body,
            auth=Headers(headers),
            timeout=(self.config.connect_timeout_s, self.config.read_timeout_s),
            allow_redirects=False,
            stream=True,
        ) as response:
            answer = Answer(response.status_code, response.headers, b"")
            if answer.is_redirect:  # the body of a redirect is not needed
                return answer
            return replace(answer, body=_read(response, deadline, self._max_answer))


class _TooLarge(Exception):
    pass


def _read(response: requests.Response, deadline: float, max_bytes: int) -> bytes:
    """The complete decoded body. Raises _TooLarge beyond `max_bytes`, ReadTimeout after the deadline (monotonic)."""
    chunks, size = [], 0
    if (response.raw.length_remaining or 0) > max_bytes:
        raise _TooLarge
    # `read1` returns what has arrived; a read of full chunks could block for days on a slow stream.
    while chunk := response.raw.read1(1 << 18, decode_content=True):
        size += len(chunk)
        if size > max_bytes:
            raise _TooLarge
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("the answer arrives too slowly")
        chunks.append(chunk)
    return b"".join(chunks)


def _without_query(url: str, location: str) -> str:
    """The target of a redirect, for a message. The query is left out, because it may contain private data."""
    try:
        parts = urlsplit(urljoin(url, location))
    except ValueError:
        return "an invalid address"
    return excerpt(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", 200)


__all__ = [
    "Answer", "AnswerTooLarge", "CallFailed", "NoAnswer", "NotJson", "RedirectNotFollowed", "Repeat", "Request",
    "RequestNotSent", "ServerBusy", "Session",
]  # fmt: skip

"""Centra's Order API: envelope, paging and what its refusals mean. Knows no data frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from pipelines.core.errors import (
    ConfigError,
    CredentialsError,
    SourceError,
    TargetRefused,
    TargetUnknown,
)
from pipelines.core.json_codec import encode
from pipelines.core.logs import excerpt
from pipelines.systems.centra.config import CentraConfig
from pipelines.systems.http.failures import CallFailed, RedirectNotFollowed, outcome_of
from pipelines.systems.http.prefetch import Prefetcher, row_limit_fix, row_limit_message
from pipelines.systems.http.secret_scan import reject_secrets
from pipelines.systems.http.session import Answer, NotJson, Repeat, Request, RequestStats, Session

# Which box of the plugin's "Allow access to the following endpoints" opens what (Centra plugin settings).
ENDPOINT_GROUP = {
    "/products": "PRODUCT & STOCK",
    "/stock": "PRODUCT & STOCK",
    "/orders": "ORDER & SHIPMENT",
    "/shipments": "ORDER & SHIPMENT",
    "/shipment": "ORDER & SHIPMENT",
    "/capture": "ORDER & SHIPMENT",
}
QUOTED = ("/products", "/stock")  # answers of other paths may be about people
MAX_EMPTY_PAGES = 3
_PAGING_FIX = "Nothing was written. Run again; if it stays, show this to Centra's support."
_KEY_FIX = (
    "Compare it with the Secret API key in Centra: Stores > your store > the Order API plugin, "
    "and check that the plugin is Active."
)
_AGAIN = "Safe to run again when Centra answers."
_URL_FIX = "Compare base_url with the Base URL that the Order API plugin shows in Centra."


@dataclass(frozen=True)
class StockWritten:
    """The products that a stock write did not reach; all others were written, unless `unclear`: Centra named what was
    not sent, or complained of something else, so nobody knows of the others."""

    not_found: frozenset[str] = frozenset()
    bundles: frozenset[str] = frozenset()
    unclear: bool = False


class CentraClient:
    """Reads pages of rows. The key goes out as `API-Authorization`, without a scheme word."""

    def __init__(self, config: CentraConfig) -> None:
        self.config = config
        self.session = Session("Centra", config)
        self._token = config.token.reveal()

    @property
    def stats(self) -> RequestStats:
        return self.session.stats

    def close(self) -> None:
        self.session.close()

    def get(self, path: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        """The envelope of a successful answer. Raises ConfigError, CredentialsError or SourceError."""
        return self.envelope(path, self.raw(path, params))

    def raw(self, path: str, params: Mapping[str, str | int]) -> Answer:
        """The answer as it came, outside temporary trouble. Raises ConfigError or SourceError."""
        try:
            return self.session.call(
                Request("GET", path, Repeat.SAFE, params, headers=self.headers, quote=path in QUOTED)
            )
        except RedirectNotFollowed as error:
            raise ConfigError(f"{error.message}. Our key is never sent on to another address.", _URL_FIX) from error
        except CallFailed as error:
            raise SourceError(
                f"GET {path}: {error.message}.", error.fix or "Nothing was written. Run again when Centra answers."
            ) from error

    def headers(self) -> dict[str, str]:
        """What shows who we are."""
        return {"API-Authorization": self._token}

    def envelope(self, path: str, answer: Answer, method: str = "GET") -> dict[str, Any]:
        """Success takes HTTP 2xx, a JSON object and `status == "ok"`; anything else is told apart here."""
        at = f"Centra {method} {path}"
        try:
            document = answer.json()
        except NotJson as error:
            if answer.status in (401, 403):
                raise CredentialsError(f"{at}: HTTP {answer.status}, the key was turned down.", _KEY_FIX) from error
            if answer.status == 404:
                raise ConfigError(f"{at}: HTTP 404, nothing there.", _URL_FIX) from error
            if answer.looks_like_html:
                raise SourceError(
                    f"{at}: HTTP {answer.status} with an HTML page instead of JSON{_quoted(path, answer)}.",
                    f"{_URL_FIX} If it is right, Centra may be down for maintenance: run again later.",
                ) from error
            raise SourceError(
                f"{at}: HTTP {answer.status} with a body that is no JSON ({error}){_quoted(path, answer)}.",
                "Run again; if it stays, show this to Centra's support.",
            ) from error
        document = document if isinstance(document, dict) else {}
        status, message = document.get("status"), _message(document.get("msg"))
        if answer.status == 403 and str(status).casefold() == "not allowed":
            raise CredentialsError(
                f"{at}: HTTP 403 Not Allowed: the plugin does not open this endpoint.",
                "In Centra, open the Order API plugin and tick the endpoint group "
                f"{ENDPOINT_GROUP.get(path, path)!r} under 'Allow access to the following endpoints'.",
            )
        if answer.status in (401, 403) or (status == "no" and _speaks_of_the_key(message)):
            raise CredentialsError(
                f"{at}: HTTP {answer.status}, the key was turned down{f' ({message})' if message else ''}.",
                _KEY_FIX,
            )
        if answer.status == 404:
            raise ConfigError(f"{at}: HTTP 404{f' ({message})' if message else ''}.", _URL_FIX)
        if not 200 <= answer.status < 300 or status != "ok":
            raise SourceError(
                f"{at}: HTTP {answer.status}, status {excerpt(repr(status), 100)}{f': {message}' if message else ''}.",
                "Nothing was written. If it stays, switch on Debug logging in the plugin and look at "
                "AMS > Diagnostics > API log.",
            )
        return document

    def moment(self, at: datetime) -> str:
        """`at` (UTC, without an offset) as Centra writes times."""
        return self.config.moment(at)

    def pages(self, path: str, only: Mapping[str, str] | None = None) -> Iterator[list[Any]]:
        """The rows of each page of `/products` or `/stock`, until there is no `next`; `only` are filters.

        The page number comes from `next` (a relative query string); our own parameters are sent again with
        it, because whether `next` repeats them is not documented. Where it has counted up by one, pages are asked for
        ahead of it, as many as may be in flight, and used only if `next` names them. An empty page is believed
        when it comes twice: a catalogue with a hole in it would hide clashing codes. Raises SourceError when paging
        stands still.
        """
        own: dict[str, str | int] = {**(only or {}), "limit": self.config.page_size}
        ahead = Prefetcher(lambda number: self.get(path, {**own, "page": number}), self.config.max_in_flight)
        page: int | None = None
        one_by_one = False  # whether the numbers seen so far follow each other
        empty_in_a_row = 0
        asked_twice = False
        count = 0
        while True:
            document = self.get(path, own) if page is None else ahead.page(page, following=one_by_one)
            rows = document.get("products")
            if isinstance(rows, dict) and not rows:
                rows = []
            if not isinstance(rows, list):
                raise SourceError(
                    f"Centra GET {path}: the answer has no list under 'products'.",
                    "Nothing was written. Show this to Centra's support.",
                )
            if (count := count + len(rows)) > self.config.max_rows:
                raise SourceError(
                    f"Centra GET {path}: {row_limit_message(self.config.max_rows)}", row_limit_fix("centra")
                )
            if rows:
                yield reject_secrets(f"Centra GET {path}", rows)
            elif not asked_twice:
                asked_twice = True
                continue
            asked_twice = False
            following = self._next_page(path, document.get("next"))
            if following is None:
                return
            empty_in_a_row = 0 if rows else empty_in_a_row + 1
            if empty_in_a_row == MAX_EMPTY_PAGES:
                raise SourceError(
                    f"Centra GET {path}: {MAX_EMPTY_PAGES} empty pages in a row, and each names a next one.",
                    _PAGING_FIX,
                )
            if page is not None and following <= page:
                raise SourceError(
                    f"Centra GET {path}: page {page} says that page {following} comes next, so paging stands still.",
                    _PAGING_FIX,
                )
            one_by_one = page is not None and following == page + 1
            page = following

    def size(self, stock_item_id: str, path: str = "/products", name: str = "stockItemID") -> list[dict[str, Any]]:
        """The row of one size in the list at `path`, whose filter is called `name`; none if Centra has none."""
        rows = self.get(path, {name: stock_item_id, "limit": self.config.page_size}).get("products")
        rows = rows if isinstance(rows, list) else []
        return [row for row in rows if isinstance(row, dict) and str(row.get("stockItemId")) == stock_item_id]

    def write_stock(self, amounts: Mapping[str, int]) -> StockWritten:
        """Sets absolute amounts by full code or EAN; sending them twice does no harm.

        What Centra could not place is told apart; the rest was written. Raises TargetRefused (of all), TargetUnknown,
        TargetUnavailable or a configuration error.
        """
        verb = self.config.stock_verb
        rows = [{"product": product, "quantity": quantity} for product, quantity in amounts.items()]
        answer = self.write(verb, "/stock", {"products": rows}, Repeat.IDEMPOTENT)
        document = self.understood(verb, "/stock", answer)
        told = document.get("errors") if isinstance(document, dict) else None
        if 200 <= answer.status < 300 and isinstance(told, dict) and document.get("status") == "no":
            lost, bundles = _texts(told.get("productsNotFound")), _texts(told.get("productsAreBundles"))
            other = any(told[name] for name in told.keys() - {"productsNotFound", "productsAreBundles"})
            if lost or bundles or other:
                return StockWritten(lost, bundles, other or not lost | bundles <= amounts.keys())
        self.succeeded(verb, "/stock", answer)
        return StockWritten()

    def write(self, verb: str, path: str, body: Mapping[str, Any], repeat: Repeat) -> Answer:
        """The answer to a write, whatever it says. Raises TargetUnavailable where nothing was done, TargetUnknown or
        WriteRedirected where it may have been."""
        request = Request(verb, path, repeat, body=encode(body), headers=self.headers, quote=path in QUOTED)
        try:
            return self.session.call(request)
        except CallFailed as failed:
            raise outcome_of(f"Centra {verb} {path}", failed, "key", _URL_FIX, _AGAIN) from failed

    def understood(self, verb: str, path: str, answer: Answer) -> Any:
        """What the answer to a write says. Raises TargetUnknown."""
        try:
            return answer.json()
        except NotJson as error:
            said = f"HTTP {answer.status} with a body that is no JSON{_quoted(path, answer)}"
            raise TargetUnknown(f"Centra {verb} {path}: {said}.", status=answer.status) from error

    def succeeded(self, verb: str, path: str, answer: Answer) -> None:
        """Raises TargetRefused or a configuration error where Centra says no."""
        try:
            self.envelope(path, answer, verb)
        except SourceError as error:
            raise TargetRefused(error.message, status=answer.status) from error

    def _next_page(self, path: str, value: object) -> int | None:
        """The number in `next`; absent, null and an empty text all mean the end."""
        if not value:
            return None
        if not isinstance(value, str):
            told = excerpt(repr(value), 100)
            raise SourceError(f"Centra GET {path}: 'next' is {told}, not a query string.", _PAGING_FIX)
        try:
            target = urlsplit(urljoin(f"{self.config.base_url}{path}", value))
            number = parse_qs(target.query).get("page", [""])[0]
        except ValueError as error:
            raise SourceError(
                f"Centra GET {path}: 'next' is {excerpt(value, 100)!r}, not a query string.", _PAGING_FIX
            ) from error
        if target.hostname != urlsplit(self.config.base_url).hostname:
            raise SourceError(
                f"Centra GET {path}: 'next' leads to another host, {target.netloc}; not followed.", _PAGING_FIX
            )
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            told = excerpt(value, 100)
            raise SourceError(f"Centra GET {path}: 'next' is {told!r} and names no page number.", _PAGING_FIX)
        return int(number)


def _quoted(path: str, answer: Answer) -> str:
    """The start of the answer, where it cannot be about a person."""
    return f": {answer.excerpt()!r}" if path in QUOTED else ""


def _message(value: object) -> str:
    """`msg` as one line; it may be an object of field to complaint."""
    if isinstance(value, dict):
        value = ", ".join(f"{key}: {inner}" for key, inner in sorted(value.items()))
    return excerpt(str(value), 300) if value else ""


def _texts(value: object) -> frozenset[str]:
    """A list of texts, which PHP may also write as an object with numbers for keys."""
    return frozenset(map(str, value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()))


def _speaks_of_the_key(message: str) -> bool:
    return any(word in message.casefold() for word in ("unauthori", "api key", "access denied", "authorization"))

"""Client of Centra's Order API: envelope, paging and error answers. Uses no data frames."""

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
from pipelines.systems.http.failures import CallFailed, RedirectNotFollowed, write_error
from pipelines.systems.http.prefetch import Prefetcher, row_limit_fix, row_limit_message
from pipelines.systems.http.secret_scan import reject_secrets
from pipelines.systems.http.session import Answer, NotJson, Repeat, Request, RequestStats, Session
from pipelines.systems.unreadable_rows import as_list

# The box under "Allow access to the following endpoints" that opens each path (Centra plugin settings).
ENDPOINT_GROUP = {
    "/products": "PRODUCT & STOCK",
    "/stock": "PRODUCT & STOCK",
    "/orders": "ORDER & SHIPMENT",
    "/shipments": "ORDER & SHIPMENT",
    "/shipment": "ORDER & SHIPMENT",
    "/capture": "ORDER & SHIPMENT",
}
QUOTABLE_PATHS = ("/products", "/stock")  # answers of other paths may contain personal data
MAX_EMPTY_PAGES = 3
_PAGING_FIX = "Nothing was written. Run again; if the error persists, show this to Centra's support."
_KEY_FIX = (
    "Compare it with the Secret API key in Centra: Stores > your store > the Order API plugin, "
    "and check that the plugin is Active."
)
_RETRY_FIX = "Safe to run again when Centra answers."
_URL_FIX = "Compare base_url with the Base URL that the Order API plugin shows in Centra."


@dataclass(frozen=True)
class StockWritten:
    """The products whose stock was not written; Centra wrote all others, unless `unclear`.

    `unclear`: Centra named products that were not sent, or reported another error, so the result of the others is
    unknown.
    """

    not_found: frozenset[str] = frozenset()
    bundles: frozenset[str] = frozenset()
    unclear: bool = False


class CentraClient:
    """Reads pages of rows and writes stock. Sends the key in the header `API-Authorization`, without a scheme."""

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
        """The answer with any status outside TRANSIENT. Raises ConfigError or SourceError."""
        try:
            return self.session.call(
                Request(
                    "GET",
                    path,
                    Repeat.SAFE,
                    params,
                    headers=self.headers,
                    quote=path in QUOTABLE_PATHS,
                    expects_json=True,
                )
            )
        except RedirectNotFollowed as error:
            raise ConfigError(f"{error.message}. Our key is never sent on to another address.", _URL_FIX) from error
        except CallFailed as error:
            raise SourceError(
                f"GET {path}: {error.message}.", error.fix or "Nothing was written. Run again when Centra answers."
            ) from error

    def headers(self) -> dict[str, str]:
        """The header with our key."""
        return {"API-Authorization": self._token}

    def envelope(self, path: str, answer: Answer, method: str = "GET") -> dict[str, Any]:
        """The JSON object of a successful answer: HTTP 2xx and `status == "ok"`.

        Raises CredentialsError, ConfigError or SourceError for any other answer.
        """
        at = f"Centra {method} {path}"
        try:
            document = answer.json()
        except NotJson as error:
            if answer.status in (401, 403):
                raise CredentialsError(f"{at}: HTTP {answer.status}, Centra rejected the key.", _KEY_FIX) from error
            if answer.status == 404:
                raise ConfigError(f"{at}: HTTP 404, not found.", _URL_FIX) from error
            if answer.looks_like_html:
                raise SourceError(
                    f"{at}: HTTP {answer.status} with an HTML page instead of JSON{_quoted(path, answer)}.",
                    f"{_URL_FIX} If it is right, Centra may be down for maintenance: run again later.",
                ) from error
            raise SourceError(
                f"{at}: HTTP {answer.status} with a body that is not JSON ({error}){_quoted(path, answer)}.",
                "Run again; if the error persists, show this to Centra's support.",
            ) from error
        document = document if isinstance(document, dict) else {}
        status, message = document.get("status"), _message(document.get("msg"))
        if answer.status == 403 and str(status).casefold() == "not allowed":
            raise CredentialsError(
                f"{at}: HTTP 403 Not Allowed: the plugin does not open this endpoint.",
                "In Centra, open the Order API plugin and tick the endpoint group "
                f"{ENDPOINT_GROUP.get(path, path)!r} under 'Allow access to the following endpoints'.",
            )
        if answer.status in (401, 403) or (status == "no" and _is_about_key(message)):
            raise CredentialsError(
                f"{at}: HTTP {answer.status}, Centra rejected the key{f' ({message})' if message else ''}.",
                _KEY_FIX,
            )
        if answer.status == 404:
            raise ConfigError(f"{at}: HTTP 404{f' ({message})' if message else ''}.", _URL_FIX)
        if not 200 <= answer.status < 300 or status != "ok":
            raise SourceError(
                f"{at}: HTTP {answer.status}, status {excerpt(repr(status), 100)}{f': {message}' if message else ''}.",
                "Nothing was written. If the error persists, switch on Debug logging in the plugin and look at "
                "AMS > Diagnostics > API log.",
            )
        return document

    def format_time(self, at: datetime) -> str:
        """`at` (UTC, without an offset) in Centra's time format."""
        return self.config.format_time(at)

    def pages(self, path: str, filters: Mapping[str, str] | None = None) -> Iterator[list[Any]]:
        """The rows of each page of `/products` or `/stock`, until there is no `next`.

        The page number comes from `next` (a relative query string). Our parameters are sent again with it, because
        whether `next` repeats them is not documented. If the numbers are consecutive, up to `max_in_flight` pages are
        requested ahead; they are used only if `next` names them. An empty page is read a second time before it is
        accepted, because missing rows would hide codes that clash. Raises SourceError if paging does not advance.
        """
        params: dict[str, str | int] = {**(filters or {}), "limit": self.config.page_size}
        prefetcher = Prefetcher(lambda number: self.get(path, {**params, "page": number}), self.config.max_in_flight)
        page: int | None = None
        consecutive = False  # whether `next` named the number after the last page's
        empty_in_a_row = 0
        empty_page_retried = False
        count = 0
        while True:
            document = self.get(path, params) if page is None else prefetcher.page(page, consecutive)
            rows = as_list(document.get("products"))
            if rows is None:
                raise SourceError(
                    f"Centra GET {path}: the answer has no list under 'products'.",
                    "Nothing was written. Show this to Centra's support.",
                )
            if (count := count + len(rows)) > self.config.max_rows:
                raise SourceError(
                    f"Centra GET {path}: {row_limit_message(self.config.max_rows)}", row_limit_fix("centra")
                )
            self.stats.rows += len(rows)
            if rows:
                yield reject_secrets(f"Centra GET {path}", rows)
            elif not empty_page_retried:
                empty_page_retried = True
                continue
            empty_page_retried = False
            next_page = self._next_page(path, document.get("next"))
            if next_page is None:
                return
            empty_in_a_row = 0 if rows else empty_in_a_row + 1
            if empty_in_a_row == MAX_EMPTY_PAGES:
                raise SourceError(
                    f"Centra GET {path}: {MAX_EMPTY_PAGES} empty pages in a row, and each names a next page.",
                    _PAGING_FIX,
                )
            if page is not None and next_page <= page:
                raise SourceError(
                    f"Centra GET {path}: page {page} names page {next_page} as the next, so paging does not advance.",
                    _PAGING_FIX,
                )
            consecutive = page is not None and next_page == page + 1
            page = next_page

    def size(self, stock_item_id: str, path: str = "/products", name: str = "stockItemID") -> list[dict[str, Any]]:
        """The rows of one size in the list at `path`, whose filter is called `name`; empty if Centra has none."""
        rows = as_list(self.get(path, {name: stock_item_id, "limit": self.config.page_size}).get("products")) or []
        return [row for row in rows if isinstance(row, dict) and str(row.get("stockItemId")) == stock_item_id]

    def write_stock(self, amounts: Mapping[str, int]) -> StockWritten:
        """Sets absolute amounts (units) by full code or EAN; a repeat has no further effect.

        Returns the products that Centra did not find and those that are bundles; the rest was written. Raises
        TargetRefused (for all of them), TargetUnknown, TargetUnavailable or a configuration error.
        """
        verb = self.config.stock_verb
        rows = [{"product": product, "quantity": quantity} for product, quantity in amounts.items()]
        answer = self.write(verb, "/stock", {"products": rows}, Repeat.IDEMPOTENT)
        document = self.document(verb, "/stock", answer)
        errors = document.get("errors") if isinstance(document, dict) else None
        if 200 <= answer.status < 300 and isinstance(errors, dict) and document.get("status") == "no":
            not_found, bundles = _texts(errors.get("productsNotFound")), _texts(errors.get("productsAreBundles"))
            other = any(errors[name] for name in errors.keys() - {"productsNotFound", "productsAreBundles"})
            if not_found or bundles or other:
                return StockWritten(not_found, bundles, other or not not_found | bundles <= amounts.keys())
        self.raise_if_refused(verb, "/stock", answer)
        return StockWritten()

    def write(self, verb: str, path: str, body: Mapping[str, Any], repeat: Repeat) -> Answer:
        """The answer to a write, with any status outside TRANSIENT. Raises TargetUnavailable if the write was provably
        not served, TargetUnknown or WriteRedirected if it may have been."""
        request = Request(verb, path, repeat, body=encode(body), headers=self.headers, quote=path in QUOTABLE_PATHS)
        try:
            return self.session.call(request)
        except CallFailed as failed:
            raise write_error(f"Centra {verb} {path}", failed, "key", _URL_FIX, _RETRY_FIX) from failed

    def document(self, verb: str, path: str, answer: Answer) -> Any:
        """The JSON document in the answer to a write. Raises TargetUnknown."""
        try:
            return answer.json()
        except NotJson as error:
            message = f"HTTP {answer.status} with a body that is not JSON{_quoted(path, answer)}"
            raise TargetUnknown(f"Centra {verb} {path}: {message}.", status=answer.status) from error

    def raise_if_refused(self, verb: str, path: str, answer: Answer) -> None:
        """Raises TargetRefused or a configuration error if Centra refused the write."""
        try:
            self.envelope(path, answer, verb)
        except SourceError as error:
            raise TargetRefused(error.message, status=answer.status) from error

    def _next_page(self, path: str, value: object) -> int | None:
        """The page number in `next`; an absent `next`, null and an empty text mean the end."""
        if not value:
            return None
        if not isinstance(value, str):
            raise SourceError(
                f"Centra GET {path}: 'next' is {excerpt(repr(value), 100)}, not a query string.", _PAGING_FIX
            )
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
            raise SourceError(
                f"Centra GET {path}: 'next' is {excerpt(value, 100)!r} and has no page number.", _PAGING_FIX
            )
        return int(number)


def _quoted(path: str, answer: Answer) -> str:
    """The start of the answer for a message; "" if the answer may contain personal data."""
    return f": {answer.excerpt()!r}" if path in QUOTABLE_PATHS else ""


def _message(value: object) -> str:
    """`msg` as one line; it may be an object that maps fields to messages."""
    if isinstance(value, dict):
        value = ", ".join(f"{key}: {inner}" for key, inner in sorted(value.items()))
    return excerpt(str(value), 300) if value else ""


def _texts(value: object) -> frozenset[str]:
    """A list of texts."""
    return frozenset(map(str, as_list(value) or ()))


def _is_about_key(message: str) -> bool:
    return any(word in message.casefold() for word in ("unauthori", "api key", "access denied", "authorization"))

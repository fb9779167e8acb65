"""Client of myOGO's open API v1: lists, one product by code, create and update. Uses no data frames."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pipelines.core.errors import ConfigError, CredentialsError, TargetRefused, TargetUnavailable, TargetUnknown
from pipelines.core.json_codec import decode_exact, encode
from pipelines.core.logs import excerpt
from pipelines.systems.http.failures import CallFailed, RedirectNotFollowed, WriteRedirected, write_error
from pipelines.systems.http.prefetch import Prefetcher, row_limit_fix, row_limit_message
from pipelines.systems.http.secret_scan import reject_secrets
from pipelines.systems.http.session import Answer, NotJson, Repeat, Request, RequestStats, Session
from pipelines.systems.myogo.config import MyOgoConfig, budget_of
from pipelines.systems.myogo.oauth import PRODUCT_SCOPES, OAuthTokenProvider
from pipelines.systems.unreadable_rows import as_list

UNAUTHORISED = 401
_URL_FIX = "Compare base_url with https://api.ogoship.com."
_RETRY_FIX = "Safe to run again when myOGO answers."


class MyOgoClient:
    """Reads lists and writes one record at a time. After a 401, it requests one new token and repeats the call."""

    def __init__(self, config: MyOgoConfig, scopes: Sequence[str] = PRODUCT_SCOPES) -> None:
        self.config = config
        self.session = Session("myOGO", config, budget=budget_of(config))
        self.tokens = OAuthTokenProvider(config, scopes)

    @property
    def stats(self) -> RequestStats:
        return self.session.stats

    def close(self) -> None:
        self.session.close()
        self.tokens.session.close()

    def pages(self, path: str, filters: Mapping[str, str] | None = None) -> Iterator[list[Any]]:
        """The rows of each page of a list.

        OGOship's own client treats a page shorter than `limit` as the last. A truncated list would make us create
        products that exist, so the end is verified: a short page is the last if the next page has no new row, and an
        empty page elsewhere is read a second time before it is accepted. Raises ConfigError, CredentialsError or
        TargetUnavailable.
        """
        page, previous_body, seen = 1, b"", set[str]()
        was_short = empty_page_retried = False
        count = 0
        fetch = partial(self._page, path, filters or {})
        prefetcher = Prefetcher(fetch, self.config.max_in_flight)
        while True:
            # The answer beyond the end is not documented, so such a page is not prefetched.
            answer = fetch(page, beyond_the_end=True) if was_short else prefetcher.page(page, page > 1)
            rows = _list(path, answer) if answer.status == 200 else []
            ids = {str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")}
            repeated = bool(rows) and (answer.body == previous_body or (bool(ids) and ids <= seen))
            if was_short and (repeated or not rows):
                return
            if repeated:
                raise TargetUnavailable(
                    f"myOGO GET {path}: page {page} has only rows that were already read, so paging does not advance.",
                    _RETRY_FIX,
                )
            if not rows:
                if empty_page_retried:
                    return
                empty_page_retried = True
                continue
            if (count := count + len(rows)) > self.config.max_rows:
                raise TargetUnavailable(
                    f"myOGO GET {path}: {row_limit_message(self.config.max_rows)}", row_limit_fix("myogo")
                )
            self.stats.rows += len(rows)
            yield reject_secrets(f"myOGO GET {path}", rows, self.tokens.account_ids)
            seen |= ids
            was_short, empty_page_retried = len(rows) < self.config.page_size, False
            page, previous_body = page + 1, answer.body

    def _page(self, path: str, filters: Mapping[str, str], number: int, *, beyond_the_end: bool = False) -> Answer:
        params: dict[str, str | int] = {**filters, "limit": self.config.page_size, "page": number}
        return self._read(path, params, beyond_the_end=beyond_the_end)

    def products_with_code(self, code: str) -> list[dict[str, Any]]:
        """The products that myOGO finds by this code: none, one, or several (a data error in myOGO).

        Includes products whose code differs only in case, if myOGO returns them. Numbers are exact and can be sent
        back unchanged. Raises like `pages`.
        """
        rows = self.first_page("/api/v1/Products", {"code": code})
        return [row for row in rows if str(row.get("code")).casefold() == code.casefold()]

    def first_page(self, path: str, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of a list's first page that pass the filters, with exact numbers. Raises like `pages`."""
        answer = self._read(path, {**filters, "limit": self.config.page_size, "page": 1})
        return [row for row in _list(path, answer, exact=True) if isinstance(row, dict)]

    def create_product(self, product: Mapping[str, Any]) -> dict[str, Any]:
        """The product in myOGO's answer. Raises TargetRefused, TargetUnknown (look the product up first),
        TargetUnavailable (it was provably not created) or a configuration error."""
        return self.write("POST", "/api/v1/Products", {}, product, Repeat.ONCE)

    def update_product(self, code: str, product: Mapping[str, Any]) -> dict[str, Any]:
        """Sends the full object; a repeat has no further effect. Raises like `create_product`."""
        path = f"/api/v1/Products/{base64.urlsafe_b64encode(code.encode()).decode().rstrip('=')}"
        return self.write("PUT", path, {"base64url": "true"}, product, Repeat.IDEMPOTENT)

    def _read(self, path: str, params: Mapping[str, str | int], *, beyond_the_end: bool = False) -> Answer:
        """The answer with status 200; also 400 or 404 for a page that may be `beyond_the_end` (myOGO's answer there is
        not documented)."""
        at = f"myOGO GET {path}"
        try:
            answer = self._with_token(
                Request("GET", path, Repeat.SAFE, params, quote=not _may_have_personal_data(path), expects_json=True)
            )
        except RedirectNotFollowed as error:
            raise WriteRedirected(
                f"{at}: {error.message}. Our token is never sent on to another address.", _URL_FIX
            ) from error
        except CallFailed as error:
            raise TargetUnavailable(f"{at}: {error.message}.", error.fix or f"Nothing is lost. {_RETRY_FIX}") from error
        if answer.status == 200 or (beyond_the_end and answer.status in (400, 404)):
            return answer
        self._raise_if_unauthorised(at, answer)
        if answer.looks_like_html or answer.status == 404:
            raise ConfigError(f"{at}: HTTP {answer.status}{_quoted(path, answer)}.", _URL_FIX)
        raise TargetUnavailable(f"{at}: HTTP {answer.status}: {api_message(answer, path)}.", _RETRY_FIX)

    def write(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int],
        product: Mapping[str, Any],
        repeat: Repeat,
        key: str = "code",
        mask: Callable[[str], str] = str,
    ) -> dict[str, Any]:
        """The record in myOGO's answer, which must have the same value in field `key`. `mask` removes personal data
        from an error message of myOGO. Raises like `create_product`."""
        at = f"myOGO {method} {path.split('/')[3]} {product[key]!r}"
        try:
            body = encode(product)
        except (UnicodeEncodeError, RecursionError) as error:
            raise TargetRefused(
                f"{at}: myOGO holds a text with an incomplete character, or a value nested too deeply, that cannot be "
                "sent back unchanged. Nothing was sent; correct the product in myOGO."
            ) from error
        request = Request(method, path, repeat, params, body, quote=not _may_have_personal_data(path))
        try:
            answer = self._with_token(request)
        except CallFailed as failed:
            raise write_error(at, failed, "token", _URL_FIX, _RETRY_FIX) from failed
        self._raise_if_unauthorised(at, answer)
        if 200 <= answer.status < 300:
            try:
                held = decode_exact(answer.body)
            except NotJson as error:
                raise TargetUnknown(
                    f"{at}: HTTP {answer.status} with a body that is not JSON{_quoted(path, answer)}.",
                    status=answer.status,
                ) from error
            if not isinstance(held, dict) or held.get(key) != product[key]:
                raise TargetUnknown(
                    f"{at}: HTTP {answer.status}, but the answer is not that record{_quoted(path, answer)}.",
                    status=answer.status,
                )
            return held
        raise TargetRefused(f"HTTP {answer.status}: {api_message(answer, path, mask)}", status=answer.status)

    def _with_token(self, request: Request) -> Answer:
        """One call. A 401 means that the token has expired: the call had no effect and is repeated once."""
        used: list[str] = []

        def headers() -> dict[str, str]:
            used.append(self.tokens.current())
            return {"Authorization": f"Bearer {used[-1]}"}

        request = replace(request, headers=headers)
        answer = self.session.call(request)
        if answer.status == UNAUTHORISED:
            self.tokens.reject(used[-1])
            answer = self.session.call(request)
        return answer

    def _raise_if_unauthorised(self, at: str, answer: Answer) -> None:
        if answer.status == UNAUTHORISED:
            raise CredentialsError(
                f"{at}: HTTP 401 even with a new token: {api_message(answer).rstrip('.')}.",
                "Check in myOGO that the merchant's API access is on, and that the client_id has the scopes "
                f"{self.tokens.scopes_in_words}.",
            )
        if answer.status == 403:
            raise CredentialsError(
                f"{at}: HTTP 403, a permission is missing: {api_message(answer).rstrip('.')}.",
                f"Ask OGOship's tech team for the scopes {self.tokens.scopes_in_words} on your client_id.",
            )


def _quoted(path: str, answer: Answer) -> str:
    """The start of the answer for a message; "" if the answer may contain personal data."""
    return "" if _may_have_personal_data(path) else f": {answer.excerpt()!r}"


def _may_have_personal_data(path: str) -> bool:
    return path.startswith("/api/v1/Orders")


def api_message(answer: Answer, path: str = "", mask: Callable[[str], str] = str) -> str:
    """OGOship's `ApiError.message`, masked before the cut, or the start of the answer if there is no such field."""
    try:
        document = answer.json()
    except NotJson:
        return _quoted(path, answer).removeprefix(": ") or "(no message)"
    if isinstance(document, dict) and (message := document.get("message") or document.get("statusDescription")):
        return excerpt(mask(str(message)), 300)
    return _quoted(path, answer).removeprefix(": ") or "(no message)"


def _list(path: str, answer: Answer, *, exact: bool = False) -> list[Any]:
    try:
        document = decode_exact(answer.body) if exact else answer.json()
    except NotJson as error:
        if answer.looks_like_html:
            raise TargetUnavailable(
                f"myOGO GET {path}: HTTP {answer.status} with an HTML page instead of JSON{_quoted(path, answer)}.",
                f"{_URL_FIX} If it is right, myOGO may be down for maintenance: run again later.",
            ) from error
        raise TargetUnavailable(
            f"myOGO GET {path}: HTTP {answer.status} with a body that is not JSON{_quoted(path, answer)}.",
            _RETRY_FIX,
        ) from error
    if document is None:  # OGOship's client accepts `null` as an empty list
        return []
    rows = as_list(document)
    if rows is None or document == {}:
        raise TargetUnavailable(f"myOGO GET {path}: the answer is not a list{_quoted(path, answer)}.", _RETRY_FIX)
    return rows

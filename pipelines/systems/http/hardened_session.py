"""A `requests` session without cookies, redirects and .netrc, so that it sends our data to one host only."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from pipelines.core.url import is_loopback


class Headers(AuthBase):
    """Sets our headers last, so that no .netrc file or environment variable can replace them."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self.headers)
        return request


class _NoRedirectSession(requests.Session):
    """Treats no answer as a redirect: requests would read a redirect's complete body, without a size limit."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def hardened_session(base_url: str, connections: int) -> requests.Session:
    """A session that keeps no cookies, follows no redirect and uses no proxy for a loopback address."""
    session = _NoRedirectSession()
    session.trust_env = not is_loopback(base_url)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept": "application/json", "User-Agent": "centra-myogo"})
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session

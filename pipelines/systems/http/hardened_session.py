"""The HTTP library's session, with what it would do on its own taken away: nothing of ours goes anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from pipelines.config.url import is_loopback


class Headers(AuthBase):
    """Sets our own headers last, so that no .netrc file or environment can put others in their place."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self.headers)
        return request


class _NoRedirectSession(requests.Session):
    """Sees no redirect in any answer: requests would read its whole body, without limit, to prepare for following."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def hardened_session(base_url: str, connections: int) -> requests.Session:
    """A session that keeps no cookies, follows nothing and asks no proxy about this machine itself."""
    session = _NoRedirectSession()
    session.trust_env = not is_loopback(base_url)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept": "application/json", "User-Agent": "centra-myogo"})
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session

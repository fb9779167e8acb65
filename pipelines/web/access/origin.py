"""Where a request comes from: the name under which the browser reached us, and the page that sent a form."""

from __future__ import annotations

import hmac
import ipaddress
import re
from urllib.parse import urlsplit

from starlette.requests import Request

from pipelines.config.serve import Serve

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = ("", "80", "443")


class HostNames:
    """The names of the host under which the pages are reached: those of loopback with our port, and `hosts`.

    A page of another name cannot reach us through a DNS answer that points to this machine.
    """

    def __init__(self, settings: Serve) -> None:
        own = settings.host.lower()
        self._loopback = {"localhost", "127.0.0.1", "[::1]"}
        address = f"[{own}]" if ":" in own else own
        self._own = self._loopback | ({address} - {"0.0.0.0", "[::]"})
        self._port, self._further = str(settings.port), frozenset(settings.hosts)

    def allow(self, request: Request) -> bool:
        name, port = _host(request)
        if name in self._own and (port or "80") == self._our_port(request):
            return True
        if port in _DEFAULT_PORTS and name in self._further:
            return True
        return bool(port) and f"{name}:{port}" in self._further

    def is_from_this_machine(self, request: Request) -> bool:
        """Whether a program on this machine asks, and no proxy for somebody else."""
        proxied = any(name in request.headers for name in ("forwarded", "via", "x-forwarded-for", "x-real-ip"))
        client = request.client.host if request.client else ""
        return _host(request)[0] in self._loopback and _is_loopback(client) and not proxied

    def _our_port(self, request: Request) -> str:
        """The port of the socket, because port 0 of the settings is any free one."""
        server = request.scope.get("server")
        return str(server[1]) if server and server[1] else self._port


def _host(request: Request) -> tuple[str, str]:
    """Name and port of the Host header; empty texts if there is not exactly one that can be read."""
    headers = request.headers.getlist("host")
    match = _HOST.fullmatch(headers[0].lower()) if len(headers) == 1 else None
    return (match[1], match[2] or "") if match else ("", "")


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def foreign_sign(request: Request) -> str:
    """The header that says that a page of another origin sent this request; empty if none does."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin":
        return "Sec-Fetch-Site"
    for name in ("Origin", "Referer"):
        if any(not _is_own(value, request) for value in request.headers.getlist(name)):
            return name
    return ""


def _is_own(address: str, request: Request) -> bool:
    """Whether an Origin or a Referer names the host of this request. Behind a proxy, only the browser sees https."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if default is None or not parts.netloc:
        return False
    return parts.netloc.lower().removesuffix(default) == request.headers["host"].lower().removesuffix(default)


def is_token(given: str, token: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def local_path(text: str) -> str:
    """`text` if it is a path on this host; else `/`. Browsers read `//`, `/\\` and hidden tabs as another host."""
    return text if re.fullmatch(r"/(?!/)(?:(?!\\)[!-~])*", text) and len(text) <= 2000 else "/"

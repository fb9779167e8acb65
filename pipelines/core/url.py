"""Web addresses of a channel file: https, or plain http to this machine; ambiguous addresses are refused."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def is_loopback(url: str) -> bool:
    """Whether `url` points to this machine."""
    return is_this_machine(urlsplit(url).hostname or "")


def is_this_machine(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _web_address(url: str) -> str:
    # Two URL parsers may read these addresses differently; one of them could send a secret to the wrong host.
    if not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("must not contain a blank, a backslash or an invisible character")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "%" in parts.netloc:
        raise ValueError("must be a full web address such as https://shop.example/api/order-api")
    try:
        _ = parts.port
    except ValueError as error:
        raise ValueError("has a port that is not a number up to 65535") from error
    if not parts.netloc.isascii():
        raise ValueError("must name the host in ASCII letters (bücher.example is xn--bcher-kva.example)")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("must not contain a user name, a password, a query or a fragment")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("must start with https:// (plain http is for loopback addresses only)")
    return url.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]

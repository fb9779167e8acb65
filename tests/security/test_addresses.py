"""Plain http only for this machine, in any spelling; the checked host is the host that gets the request."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipelines.core.errors import ConfigError
from pipelines.core.url import WebAddress, is_loopback
from tests.support.shop import Shop

ADDRESS = TypeAdapter(WebAddress)

REFUSED = [
    "http://shop.example/api", "HTTP://shop.example/api", "hTTp://SHOP.example", "//shop.example", "shop.example",
    "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://evil.example/127.0.0.1",
    "http://localhost@evil.example", "http://127.0.0.1:80@evil.example", "http://127.0.0.1:@evil.example",
    "https://me@shop.example", "https://me:word@shop.example", "https://@shop.example", "https://:@shop.example",
    "http://evil.example#@127.0.0.1", "http://127.0.0.1#@evil.example", "http://127.0.0.1?@evil.example",
    "https://shop.example/?", "https://shop.example/#", "https://shop.example/?a=b", "https://shop.example/#a",
    "http:\\\\127.0.0.1", "http:/127.0.0.1", "http:127.0.0.1", "http:///127.0.0.1", "http://",
    "http://127.0.0.1\\@evil.example", "http://evil.example\\@127.0.0.1", "https://shop.example\\.evil.example",
    "http://127.0.0.1\t.evil.example", "http://127.0.0.1\n.evil.example", "https://shop.exam\nple/api",
    "https://shop.example/a\tb", "https://shop.example/a b", " https://shop.example", "https://shop.example ",
    "\thttps://shop.example", "https://shop.example\r\nX: y", "https://shop.example/\x00", "https://shop.example/\x7f",
    "http://0x7f000001", "http://2130706433", "http://0177.0.0.1", "http://127.1", "http://0", "http://0.0.0.0",
    "http://127.0.0.1.", "http://localhost.", "http://[::]", "http://[::ffff:8.8.8.8]", "http://[::ffff:0.0.0.0]",
    "http://[fe80::1]", "http://[::1%25eth0]", "http://[::1%eth0]", "http://[::1", "http://::1", "http://[127.0.0.1]",
    "http://１２７.0.0.1", "http://127。0。0。1", "http://ⓛocalhost", "http://lоcalhost", "http://127.0.0.1\u200b",
    "https://shop.example／evil", "https://shop.example＠evil.example", "https://shop．example\u202e",
    "http://10.0.0.1", "http://192.168.0.1", "http://169.254.169.254", "http://[fd00::1]", "http://128.0.0.1",
    "https://bücher.example", "ftp://127.0.0.1", "file:///etc/passwd", "unix:///tmp/x", "javascript:alert(1)", "http+unix://x",
    "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://127.0.0.1:-1", "http://127.0.0.1: 80", "http://127.0.0.1:８０",
    "http://%31%32%37.0.0.1", "http://127.0.0.1%2eevil.example", "http://127.0.0.1%00.evil.example",
]  # fmt: skip
LOOPBACK = [
    "http://127.0.0.1", "http://127.0.0.1:8620/api", "HTTP://127.0.0.1/", "http://LOCALHOST:1", "http://localhost/api",
    "http://[::1]", "http://[::1]:8080/x", "http://[0:0:0:0:0:0:0:1]", "http://127.255.255.254", "https://127.0.0.1",
]  # fmt: skip
OTHER_HOSTS = [
    "https://shop.example",
    "HTTPS://SHOP.example:8443/api/order-api/",
    "https://xn--bcher-kva.example/api",
    "https://8.8.8.8",
]


@pytest.mark.parametrize("url", REFUSED, ids=ascii)
def test_an_unsafe_or_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        ADDRESS.validate_python(url)


@pytest.mark.parametrize("url", LOOPBACK)
def test_this_machine_is_accepted_with_plain_http(url: str) -> None:
    assert is_loopback(ADDRESS.validate_python(url))


@pytest.mark.parametrize("url", OTHER_HOSTS)
def test_another_host_is_accepted_with_https(url: str) -> None:
    assert not is_loopback(ADDRESS.validate_python(url))


PIECES = st.sampled_from(
    ["http://", "https://", "HTTP://", "127.0.0.1", "localhost", "[::1]", "evil.example", "@", ":", "/", "\\", "#", "?",
     "%", ".", "80", "\t", "\n", " ", "[", "]", "é", "。", "／", "%2f", "%40", "x", "..", ";", "&", "="]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30).map(lambda text: f"http://{text}"))
def test_the_checked_host_is_the_requested_host(url: str) -> None:
    """For every accepted address the URL parser of the check and the one of the HTTP client agree."""
    try:
        accepted = ADDRESS.validate_python(url)
    except ValidationError:
        return
    try:
        requested = urlsplit(str(requests.Request("GET", f"{accepted}/products").prepare().url))
    except requests.exceptions.RequestException:
        return  # the HTTP client refuses it
    assert (
        requested.scheme == "https"
        or requested.hostname in ("localhost", "::1")
        or (ipaddress.ip_address(str(requested.hostname)).is_loopback)
    )
    checked_host = str(urlsplit(accepted).hostname)
    assert requested.hostname == checked_host
    assert requested.path.endswith("/products")


@pytest.mark.parametrize("key", ["base_url", "token_url"])
@pytest.mark.parametrize("system", ["centra", "myogo"])
def test_every_address_in_the_channel_file_is_checked(shop: Shop, system: str, key: str) -> None:
    """The error names the file and the key."""
    if (system, key) == ("centra", "token_url"):
        return
    table = shop.text.index(f"[systems.{system}]")
    line = next(line for line in shop.text[table:].splitlines() if line.startswith(key))
    shop.text = shop.text[:table] + shop.text[table:].replace(line, f'{key} = "http://shop.example"', 1)
    shop.file.write_text(shop.text)
    with pytest.raises(ConfigError, match=rf"systems\.{system}\.{key}: must start with https://"):
        shop.channel()

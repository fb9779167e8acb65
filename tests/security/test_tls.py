"""Nothing is sent to a server without a valid certificate, with any files and variables set."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from tests.security.tls import TlsServer, certificate, resolve_to_loopback, serving
from tests.support.shop import Shop, size
from tests.support.shop_helpers import OtherHost

SHOP = "shop.test"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("pem"), SHOP, "127.0.0.1")


@pytest.fixture
def server(pem: Path) -> Iterator[TlsServer]:
    with serving(pem) as running:
        yield running


@pytest.fixture
def shop(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop without TLS variables in its environment; the host names of the tests resolve to this machine."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    resolve_to_loopback(monkeypatch, SHOP, "other.test")
    return shop_of(size(1))


def _check_products(shop: Shop, url: str) -> dict[str, Any]:
    """The products check of `check` with this Centra address."""
    shop.text = shop.text.replace(shop.box.centra_url, url)
    shop.file.write_text(shop.text)
    checks = shop.json("check")["checks"]
    return next(one for one in checks if (one["system"], one["name"]) == ("centra", "products"))


def test_a_server_with_a_valid_certificate_is_used(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate of a private authority, as companies use; the tests below rely on this one."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    assert _check_products(shop, f"https://{SHOP}:{server.port}/api")["status"] == "warning"  # it has no product
    assert shop.box.credentials.centra_token.encode() in server.received[0]


ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "an empty bundle": {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""},
    "Python's own switch": {"PYTHONHTTPSVERIFY": "0"},
    "a file that is not there": {"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere"},
    "the certificate for another library": {"SSL_CERT_FILE": "PEM"},
    "false": {"REQUESTS_CA_BUNDLE": "false"},
    "zero": {"CURL_CA_BUNDLE": "0"},
    "variables of other tools": {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "GIT_SSL_NO_VERIFY": "1", "VERIFY_SSL": "false"},
    "an empty bundle file": {"REQUESTS_CA_BUNDLE": "EMPTY"},
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_variable_switches_verification_off(
    shop: Shop, server: TlsServer, pem: Path, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = shop.folder / "empty.pem"
    empty.write_text("")
    for name, value in ENVIRONMENTS[environment].items():
        monkeypatch.setenv(name, {"PEM": str(pem), "EMPTY": str(empty)}.get(value, value))
    check = _check_products(shop, f"https://{SHOP}:{server.port}/api")
    assert check["status"] == "failed"
    assert server.received == []


def test_on_loopback_no_variable_makes_a_certificate_valid_either(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    assert "certificate verify failed" in _check_products(shop, f"https://127.0.0.1:{server.port}/api")["message"]
    assert server.received == []


def test_a_certificate_of_another_name_is_refused(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    check = _check_products(shop, f"https://other.test:{server.port}/api")
    assert check["status"] == "failed"
    assert "other.test" in check["message"]
    assert server.connections
    assert server.received == []


def test_an_expired_certificate_is_refused(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = certificate(tmp_path, SHOP, days=(-3, -2))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(old))
    with serving(old) as server:
        assert "expired" in _check_products(shop, f"https://{SHOP}:{server.port}/api")["message"]
        assert server.received == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the test server must use outdated protocols
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=lambda v: v.name)
def test_old_tls_versions_are_refused(
    shop: Shop, pem: Path, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    with serving(pem, max_version=version) as server:
        assert "TLS connection failed" in _check_products(shop, f"https://{SHOP}:{server.port}/api")["message"]
        assert server.connections
        assert server.received == []


def test_the_token_address_is_verified_too(shop: Shop, server: TlsServer) -> None:
    """No part of the token request is sent before the verification."""
    shop.edit(shop.box.token_url, f"https://{SHOP}:{server.port}/OAuth/Token")
    checks = {(c["system"], c["name"]): c for c in shop.json("check")["checks"]}
    assert "certificate verify failed" in checks["myogo", "token"]["message"]
    assert server.received == []


@pytest.mark.parametrize(
    "key", ["verify", "verify_tls", "ssl_verify", "insecure", "ca_bundle", "cert", "proxies", "headers"]
)
def test_the_channel_file_has_no_key_that_changes_tls(shop: Shop, key: str) -> None:
    shop.edit("[systems.centra]\n", f"[systems.centra]\n{key} = false\n")
    with pytest.raises(ConfigError, match=f"unknown key systems.centra.{key}"):
        load(str(shop.file))


def test_a_netrc_file_does_not_replace_our_headers(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = shop.folder / ".netrc"
    netrc.write_text(f"machine {SHOP} login somebody password something\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(shop.folder))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    _check_products(shop, f"https://{SHOP}:{server.port}/api")
    assert server.received
    for request in server.received:
        assert b"\r\nAuthorization:" not in request
        assert shop.box.credentials.centra_token.encode() in request


def test_a_proxy_learns_only_the_host_name(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the proxy's password is not printed when it fails."""
    with OtherHost() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://me:proxy-Hush8Kd2@"))
        check = _check_products(shop, f"https://{SHOP}:444/api")
        assert check["status"] == "failed"
        assert "proxy-Hush8Kd2" not in str(check)
        requests = "".join(proxy.received)
        assert shop.box.credentials.centra_token not in requests


def test_a_proxy_is_never_used_for_this_machine(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with OtherHost() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert shop.json("check")["exit_code"] == 0
        assert proxy.received == []

"""Nothing is said to a server that does not prove who it is, whatever file or variable suggests it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.config.load import load
from pipelines.core.errors import ConfigError
from tests.security.tls import TlsServer, certificate, named, serving
from tests.support.shop import Shop, size
from tests.support.shop_helpers import Elsewhere

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
    """Its environment has no say of TLS yet; the names of the tests lead here."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    named(monkeypatch, SHOP, "other.test")
    return shop_of(size(1))


def _ask(shop: Shop, url: str) -> dict[str, Any]:
    """What `check` says of Centra's products at that address."""
    shop.text = shop.text.replace(shop.box.centra_url, url)
    shop.file.write_text(shop.text)
    checks = shop.json("check")["checks"]
    return next(one for one in checks if (one["system"], one["name"]) == ("centra", "products"))


def test_a_server_that_proves_itself_is_spoken_to(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate of the user's own authority, as companies have; the tests below stand on this one."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    assert _ask(shop, f"https://{SHOP}:{server.port}/api")["status"] == "warning"  # no product there
    assert shop.box.credentials.centra_token.encode() in server.heard[0]


NOT_OFF: dict[str, dict[str, str]] = {
    "nothing": {},
    "an empty bundle": {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""},
    "Python's own switch": {"PYTHONHTTPSVERIFY": "0"},
    "a file that is not there": {"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere"},
    "the certificate for another library": {"SSL_CERT_FILE": "PEM"},
    "false": {"REQUESTS_CA_BUNDLE": "false"},
    "zero": {"CURL_CA_BUNDLE": "0"},
    "words of other tools": {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "GIT_SSL_NO_VERIFY": "1", "VERIFY_SSL": "false"},
    "a bundle that is none": {"REQUESTS_CA_BUNDLE": "EMPTY"},
}


@pytest.mark.parametrize("environment", NOT_OFF)
def test_no_variable_switches_the_proof_off(
    shop: Shop, server: TlsServer, pem: Path, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = shop.folder / "empty.pem"
    empty.write_text("")
    for name, value in NOT_OFF[environment].items():
        monkeypatch.setenv(name, {"PEM": str(pem), "EMPTY": str(empty)}.get(value, value))
    said = _ask(shop, f"https://{SHOP}:{server.port}/api")
    assert said["status"] == "failed"
    assert server.heard == []


def test_on_loopback_no_variable_makes_a_certificate_good_either(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    assert "certificate verify failed" in _ask(shop, f"https://127.0.0.1:{server.port}/api")["message"]
    assert server.heard == []


def test_a_certificate_of_another_name_is_no_proof(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    said = _ask(shop, f"https://other.test:{server.port}/api")
    assert said["status"] == "failed"
    assert "other.test" in said["message"]
    assert server.tried
    assert server.heard == []


def test_a_certificate_of_another_time_is_no_proof(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = certificate(tmp_path, SHOP, days=(-3, -2))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(old))
    with serving(old) as server:
        assert "expired" in _ask(shop, f"https://{SHOP}:{server.port}/api")["message"]
        assert server.heard == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # this end has to speak what nobody should
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=lambda v: v.name)
def test_old_protocols_are_not_spoken(
    shop: Shop, pem: Path, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    with serving(pem, most=version) as server:
        assert "TLS connection failed" in _ask(shop, f"https://{SHOP}:{server.port}/api")["message"]
        assert server.tried
        assert server.heard == []


def test_the_token_address_is_held_to_the_same(shop: Shop, server: TlsServer) -> None:
    """Nothing of the form with the five secrets' rest left before the proof."""
    shop.edit(shop.box.token_url, f"https://{SHOP}:{server.port}/OAuth/Token")
    checks = {(c["system"], c["name"]): c for c in shop.json("check")["checks"]}
    assert "certificate verify failed" in checks["myogo", "token"]["message"]
    assert server.heard == []


@pytest.mark.parametrize(
    "key", ["verify", "verify_tls", "ssl_verify", "insecure", "ca_bundle", "cert", "proxies", "headers"]
)
def test_the_channel_file_has_no_key_for_it(shop: Shop, key: str) -> None:
    shop.edit("[systems.centra]\n", f"[systems.centra]\n{key} = false\n")
    with pytest.raises(ConfigError, match=f"unknown key systems.centra.{key}"):
        load(str(shop.file))


def test_a_netrc_file_puts_nothing_in_the_place_of_our_headers(
    shop: Shop, server: TlsServer, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = shop.folder / ".netrc"
    netrc.write_text(f"machine {SHOP} login somebody password something\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(shop.folder))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    _ask(shop, f"https://{SHOP}:{server.port}/api")
    assert server.heard
    for heard in server.heard:
        assert b"\r\nAuthorization:" not in heard
        assert shop.box.credentials.centra_token.encode() in heard


def test_a_proxy_learns_the_name_of_the_host_and_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the proxy's own password is not told when it fails."""
    with Elsewhere() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://me:proxy-Hush8Kd2@"))
        said = _ask(shop, f"https://{SHOP}:444/api")
        assert said["status"] == "failed"
        assert "proxy-Hush8Kd2" not in str(said)
        heard = "".join(proxy.heard)
        assert shop.box.credentials.centra_token not in heard


def test_a_proxy_is_never_asked_about_this_machine(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with Elsewhere() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert shop.json("check")["exit_code"] == 0
        assert proxy.heard == []

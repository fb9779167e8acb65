"""Webhook signatures: published examples of both vendors, accepted and refused forms, and repetitions."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.systems.centra.webhook import verify as centra
from pipelines.systems.myogo.webhook import verify as myogo
from pipelines.systems.system import NotVerified, VerifiedMessage
from pipelines.webhooks.deduplication import ReplayGuard
from tests.support.strategies import fuzz_settings

MOMENT = 12345678
BODY = b"payload=%7B%22x%22%3A%22test%22%7D"
V1 = "0b9cd84f5d583e5e1aadfb9f160aa8080b51d5b85ff85808d6b75bdac356c549"
OTHER = "0" * 64
HEADER = f"t={MOMENT},v1={V1}"


def verify_centra(header: str, body: bytes = BODY, now: float = MOMENT, secret: str = "test123") -> VerifiedMessage:
    return centra(secret, 300, header, body, now)


def refusal_reason(header: str, body: bytes = BODY, now: float = MOMENT, secret: str = "test123") -> str:
    with pytest.raises(NotVerified) as caught:
        verify_centra(header, body, now, secret)
    return caught.value.reason


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        f"t={MOMENT}, v1={V1}",
        f"t={MOMENT},\r\n v1={V1}",
        f"t={MOMENT},\n\tv1={V1}\n",
        f" t = {MOMENT} , v1 = {V1} ",
        f"v1={V1},t={MOMENT}",
        f"t={MOMENT},v1={V1.upper()}",
        f"t={MOMENT},v1={OTHER},v1={V1}",
        f"t={MOMENT},v1={V1},v1={OTHER}",
        f"t={MOMENT},v0={OTHER},v1={V1},",
        f"t={MOMENT},v1={V1},t={MOMENT},v1={V1}",
    ],
    ids=ascii,
)
def test_the_published_centra_signature_is_accepted_in_any_notation(header: str) -> None:
    assert verify_centra(header) == VerifiedMessage(bytes.fromhex(V1), MOMENT + 300)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "no_signature"),
        ("  ", "no_signature"),
        (V1, "unreadable_signature"),
        (f"v1={V1}", "unreadable_signature"),
        (f"t={MOMENT}", "unreadable_signature"),
        (f"t={MOMENT},t={MOMENT + 1},v1={V1}", "unreadable_signature"),
        (f"t=+{MOMENT},v1={V1}", "unreadable_signature"),
        (f"t={'9' * 5000},v1={V1}", "unreadable_signature"),
        (f"t=１２３,v1={V1}", "unreadable_signature"),
        (f"t=,v1={V1}", "unreadable_signature"),
        (f"t={MOMENT},v0={V1}", "unreadable_signature"),
        (f"t={MOMENT},v1=", "wrong_signature"),
        (f"t={MOMENT},v1={V1[:-1]}", "wrong_signature"),
        (f"t={MOMENT},v1={V1}0", "wrong_signature"),
        (f"t={MOMENT},v1={OTHER}", "wrong_signature"),
        (f"t={MOMENT},v1=ÿ\udcff", "wrong_signature"),
        (f"t={MOMENT + 1},v1={V1}", "wrong_signature"),
        (f"t=0{MOMENT},v1={V1}", "wrong_signature"),
    ],
    ids=ascii,
)
def test_an_invalid_centra_signature_is_refused(header: str, reason: str) -> None:
    assert refusal_reason(header) == reason


def test_the_signature_covers_the_exact_bytes() -> None:
    """Another encoding of the same form is another message."""
    assert refusal_reason(HEADER, BODY.lower()) == "wrong_signature"
    assert refusal_reason(HEADER, BODY + b"&") == "wrong_signature"
    assert refusal_reason(HEADER, b"") == "wrong_signature"
    assert refusal_reason(HEADER, secret="test124") == "wrong_signature"


@pytest.mark.parametrize("offset", [300, -300])
def test_a_message_is_accepted_within_five_minutes_before_and_after(offset: int) -> None:
    """A wrong signature is reported as wrong at any age."""
    assert verify_centra(HEADER, now=MOMENT + offset).until == MOMENT + 300
    assert refusal_reason(HEADER, now=MOMENT + offset * 1.001) == "out_of_time"
    assert refusal_reason(f"t={MOMENT},v1={OTHER}", now=MOMENT + offset * 2) == "wrong_signature"


@pytest.mark.parametrize(
    ("body", "header"),
    [
        ('{"reference":"1001","status":"Shipped"}', "RyAf/qvEDxIZrPBViyX6av+7kZDXwteHKeniO7mARek="),
        ('{"name":"Tröja Ä"}', "C4XzH3tMMiLov9bzWkBuP6Ksm7Gi9F1IS0ClLJoDAfs="),
    ],
)
def test_the_myogo_signature_follows_the_documentation(body: str, header: str) -> None:
    assert myogo("testKey", 300, header, body.encode(), 1000.0) == VerifiedMessage(base64.b64decode(header), 1300.0)
    assert myogo("testKey", 300, f" {header}\r\n", body.encode(), 1000.0).until == 1300.0
    for key, signature, message in (
        ("testkey", header, body.encode()),
        ("testKey", header[:-1], body.encode()),
        ("testKey", header.lower(), body.encode()),
        ("testKey", f"{header},{header}", body.encode()),
        ("testKey", "ÿ", body.encode()),
        ("testKey", header, body.encode() + b"\n"),
        ("testKey", header, body.encode("utf-16")),
    ):
        with pytest.raises(NotVerified, match="wrong_signature"):
            myogo(key, 300, signature, message, 1000.0)
    with pytest.raises(NotVerified, match="no_signature"):
        myogo("testKey", 300, " ", body.encode(), 1000.0)


@fuzz_settings(200)
@given(st.text(max_size=80), st.binary(max_size=80))
def test_any_header_is_refused_with_a_known_reason(header: str, body: bytes) -> None:
    assert refusal_reason(header, body) in ("no_signature", "unreadable_signature", "wrong_signature")
    with pytest.raises(NotVerified):
        myogo("testKey", 300, header, body, 0)


@fuzz_settings(100)
@given(st.integers(0, 10**11), st.binary(max_size=200), st.text("abcXYZ019-_", min_size=4))
def test_any_message_signed_by_centra_is_accepted(moment: int, body: bytes, secret: str) -> None:
    signed = hmac.new(secret.encode(), str(moment).encode() + b"." + body, hashlib.sha256).hexdigest()
    assert centra(secret, 300, f"t={moment}, v1={signed}", body, moment).digest.hex() == signed


def test_a_repeated_message_is_recognised_within_its_tolerance() -> None:
    """Also one with a future time, and one with another notation of its signature."""
    guard, five_minutes_early = ReplayGuard(), MOMENT - 300.0
    assert not guard.seen_before(verify_centra(HEADER, now=five_minutes_early), five_minutes_early)
    repeated = verify_centra(f"v1={OTHER},v1={V1.upper()}, t={MOMENT}", now=MOMENT)
    assert guard.seen_before(repeated, MOMENT)
    assert guard.seen_before(repeated, MOMENT + 300)
    assert not guard.seen_before(VerifiedMessage(b"another", MOMENT + 300), MOMENT)


def test_a_message_without_a_time_is_new_after_the_window() -> None:
    guard = ReplayGuard()
    assert not guard.seen_before(VerifiedMessage(b"a", 300.0), 0.0)
    assert guard.seen_before(VerifiedMessage(b"a", 500.0), 200.0)
    assert not guard.seen_before(VerifiedMessage(b"a", 601.0), 301.0), "a repetition must not make the window longer"
    assert guard.seen_before(VerifiedMessage(b"a", 900.0), 601.0)


def test_the_number_of_remembered_messages_is_limited() -> None:
    """The oldest are removed first, and all expired ones."""
    guard = ReplayGuard(max_remembered=3)
    for number in range(5):
        assert not guard.seen_before(VerifiedMessage(bytes([number]), 100.0), 0.0)
    assert len(guard) == 3
    assert guard.seen_before(VerifiedMessage(bytes([2]), 100.0), 0.0)
    assert not guard.seen_before(VerifiedMessage(bytes([1]), 100.0), 0.0)
    assert not guard.seen_before(VerifiedMessage(b"late", 300.0), 200.0)
    assert len(guard) == 1

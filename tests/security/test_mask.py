"""What is told is masked first: in every form, wherever it is cut, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core import logs, redaction
from pipelines.systems.http.session import EXCERPT_OF, Answer
from tests.security.canaries import PLAIN, SPIKY, Watch, forms
from tests.support.shop import TORTURE

SECRETS = (*PLAIN.all, *SPIKY.all)
WATCH = Watch(SECRETS)
LETTERS = st.characters(min_codepoint=32, max_codepoint=126)
PRINTABLE = st.text(LETTERS, max_size=60).map(str.strip).filter(lambda text: len(text) >= redaction.MIN_LENGTH)


@pytest.mark.parametrize("form", forms("x"))
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_in_every_form(secret: str, form: str) -> None:
    """With what stands around it left as it is."""
    told = redaction.mask(f"key is ({forms(secret)[form]}) here", SECRETS)
    assert WATCH.found(form, told) == []
    assert told == "key is (***) here"


@settings(deadline=None, max_examples=1000 if TORTURE else 40)
@given(PRINTABLE, st.data())
def test_any_printable_secret_is_masked_with_each_letter_in_any_form(secret: str, data: st.DataObject) -> None:
    """Nobody promises that a system escapes all letters in the same way."""
    letter = [st.sampled_from([c, f"%{ord(c):02x}", f"\\u{ord(c):04X}", f"&#{ord(c)};"]) for c in secret]
    told = "".join(data.draw(one) for one in letter)
    assert redaction.strip(f"<{told}>", [secret]) == f"<{redaction.MASK}>"


@settings(deadline=None, max_examples=1000 if TORTURE else 40)
@given(PRINTABLE, st.text(LETTERS, max_size=200), st.text(LETTERS, max_size=200))
def test_what_stands_around_a_secret_is_left_alone(secret: str, before: str, after: str) -> None:
    """Letters that the secret does not have, so that nothing of it can be there by chance."""
    taken = {*secret, *"%\\&;#+", *"".join(redaction._base64_cores(secret))}
    before, after = ("".join(c for c in text if c not in taken) for text in (before, after))
    assert redaction.strip(before + secret + after, [secret]) == before + redaction.MASK + after


@settings(deadline=None, max_examples=1000 if TORTURE else 40)
@given(st.binary(max_size=40), st.binary(max_size=40), st.sampled_from(SECRETS), st.booleans())
def test_a_secret_inside_base64_is_masked_whatever_stands_around_it(
    before: bytes, after: bytes, secret: str, urlsafe: bool
) -> None:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    told = encode(before + secret.encode() + after).decode()
    assert redaction.mask(f"({told})", SECRETS) == "(***)"
    assert redaction.mask(f"({quote(told, safe='')})", SECRETS).count("***") == 1


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", ["as it is", "address, every letter", "HTML, hex", "base64 with a name"])
def test_no_piece_of_a_secret_is_left_where_a_text_is_cut(secret: str, form: str) -> None:
    """Wherever the cut falls: before it, in it, behind it."""
    told = forms(secret)[form]
    for before in range(200 - len(told) - 1, 202):
        shown = redaction.excerpt("." * before + told + "." * 300, 200, SECRETS)
        assert WATCH.found(str(before), shown) == []
        assert set(shown) <= {".", "*"}


@pytest.mark.parametrize("gap", [b" ", b"\n", b"x"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_piece_of_a_secret_is_left_of_a_long_body(secret: str, gap: bytes) -> None:
    """The excerpt's own reach ends in the middle of a secret; blanks before it fold into one."""
    for one in SECRETS:
        logs.register_secret(one)
    for inside in range(0, len(secret) + 1, 3):
        body = gap * (EXCERPT_OF - inside) + secret.encode() + b" and more"
        excerpt = Answer(500, {}, body).excerpt()
        assert set(excerpt) <= {"x", "*", " "}, excerpt


@pytest.mark.parametrize("form", forms("x"))
def test_a_secret_put_into_json_without_care_is_masked_once_it_is_read(form: str) -> None:
    """Its own backslashes were taken for escapes: `\\u0041` of the secret came out as `A`."""
    secret = r"tk\/C+6=&a\u0041<i>#j?0;Rr,V%7Ev~4="
    said = forms(json.loads(f'"{secret}"'))[form]
    told = redaction.mask(f"no: {said}!", [secret])
    assert told.startswith("no: ***")
    assert Watch([json.loads(f'"{secret}"')]).found("told", told) == []


def test_a_short_text_is_shown_whole() -> None:
    assert redaction.excerpt("It is broken.", 200, SECRETS) == "It is broken."
    assert redaction.excerpt("y" * 300, 200, SECRETS) == "y" * 200
    assert Answer(500, {}, b"It is\n broken.").excerpt() == "It is broken."


@pytest.mark.parametrize(
    "told",
    [
        '{"access_token":"9fJ2kQ7',
        '{"refresh_token": "9fJ2kQ7ww", "x": 1}',
        "access_token=9fJ2kQ7&x=1",
        '{\\"access_token\\":\\"9fJ2kQ7',
        "id_token : 9fJ2kQ7",
    ],
)
def test_what_is_called_a_token_is_masked_although_nobody_told_us_of_it(told: str) -> None:
    """As in an answer of the token address that was cut off."""
    assert "9fJ2" not in redaction.mask(told, [])


def test_words_are_not_tokens() -> None:
    for told in ("the token is spent", "no access_token that can be used", "refresh token: no", "a token, please"):
        assert redaction.mask(told, []) == told


def test_a_secret_that_is_a_common_word_masks_that_word_and_breaks_nothing() -> None:
    """Ugly, and on the safe side; keys of a JSON object are not messages and stay."""
    logs.register_secret("product")
    assert logs.redact("GET /products: no product") == "GET /***s: no ***"


def test_what_is_too_short_to_be_a_secret_masks_nothing() -> None:
    logs.register_secret("abc")
    logs.register_secret("")
    assert logs.redact("abc") == "abc"
    assert logs.excerpt("abc", 10) == "abc"


def test_only_what_is_long_enough_is_looked_for_in_products() -> None:
    """A number of five digits stands in many an EAN."""
    document = b'[{"ean":"7312345678906","name":"k7Qv2mZp9Rw4Xt6Bn1Lc8Hd3"}]'
    assert not redaction.contains(document, ["12345", "name"])
    assert redaction.contains(document, ["k7Qv2mZp9Rw4Xt6Bn1Lc8Hd3"])
    assert redaction.contains(rb'["v7\/Q+z=9&k\u0027<m>\"w\\x%2Fp~r;Lt`g#5?"]', [SPIKY.centra_token])

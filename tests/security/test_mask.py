"""Output is masked: every encoding of a secret, wherever the text is cut, and nothing else."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core import logs, redaction
from pipelines.systems.http.session import EXCERPT_OF, Answer
from tests.security.canaries import PLAIN, WITH_SPECIAL_CHARACTERS, SecretScanner, forms
from tests.support.shop import TORTURE

SECRETS = (*PLAIN.all, *WITH_SPECIAL_CHARACTERS.all)
SCANNER = SecretScanner(SECRETS)
LETTERS = st.characters(min_codepoint=32, max_codepoint=126)
PRINTABLE = st.text(LETTERS, max_size=60).map(str.strip).filter(lambda text: len(text) >= redaction.MIN_LENGTH)


@pytest.mark.parametrize("form", forms("x"))
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_in_every_encoding(secret: str, form: str) -> None:
    """The text around it is unchanged."""
    text = redaction.mask(f"key is ({forms(secret)[form]}) here", SECRETS)
    assert SCANNER.find(form, text) == []
    assert text == "key is (***) here"


@settings(deadline=None, max_examples=1000 if TORTURE else 40)
@given(PRINTABLE, st.data())
def test_any_printable_secret_is_masked_with_each_letter_in_any_encoding(secret: str, data: st.DataObject) -> None:
    """A system may escape each letter differently."""
    letter = [st.sampled_from([c, f"%{ord(c):02x}", f"\\u{ord(c):04X}", f"&#{ord(c)};"]) for c in secret]
    text = "".join(data.draw(one) for one in letter)
    assert redaction.strip(f"<{text}>", [secret]) == f"<{redaction.MASK}>"


@settings(deadline=None, max_examples=1000 if TORTURE else 40)
@given(PRINTABLE, st.text(LETTERS, max_size=200), st.text(LETTERS, max_size=200))
def test_the_text_around_a_secret_is_unchanged(secret: str, before: str, after: str) -> None:
    """With characters that the secret does not have, so that no part of it is there by chance."""
    taken = {*secret, *"%\\&;#+", *"".join(redaction._base64_cores(secret))}
    before, after = ("".join(c for c in text if c not in taken) for text in (before, after))
    assert redaction.strip(before + secret + after, [secret]) == before + redaction.MASK + after


@settings(deadline=None, max_examples=1000 if TORTURE else 40)
@given(st.binary(max_size=40), st.binary(max_size=40), st.sampled_from(SECRETS), st.booleans())
def test_a_secret_inside_base64_is_masked_at_any_offset(
    before: bytes, after: bytes, secret: str, urlsafe: bool
) -> None:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    text = encode(before + secret.encode() + after).decode()
    assert redaction.mask(f"({text})", SECRETS) == "(***)"
    assert redaction.mask(f"({quote(text, safe='')})", SECRETS).count("***") == 1


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", ["as it is", "address, every letter", "HTML, hex", "base64 with a name"])
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(secret: str, form: str) -> None:
    """With the cut before, inside and after the secret."""
    text = forms(secret)[form]
    for before in range(200 - len(text) - 1, 202):
        excerpt = redaction.excerpt("." * before + text + "." * 300, 200, SECRETS)
        assert SCANNER.find(str(before), excerpt) == []
        assert set(excerpt) <= {".", "*"}


@pytest.mark.parametrize("gap", [b" ", b"\n", b"x"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_part_of_a_secret_is_left_in_the_excerpt_of_a_long_body(secret: str, gap: bytes) -> None:
    """The read limit of the excerpt falls inside the secret; blanks before it are folded."""
    for one in SECRETS:
        logs.register_secret(one)
    for inside in range(0, len(secret) + 1, 3):
        body = gap * (EXCERPT_OF - inside) + secret.encode() + b" and more"
        excerpt = Answer(500, {}, body).excerpt()
        assert set(excerpt) <= {"x", "*", " "}, excerpt


@pytest.mark.parametrize("form", forms("x"))
def test_a_secret_put_into_json_without_escaping_is_masked(form: str) -> None:
    """Its backslashes were read as escapes: `\\u0041` in the secret became `A`."""
    secret = r"tk\/C+6=&a\u0041<i>#j?0;Rr,V%7Ev~4="
    encoded = forms(json.loads(f'"{secret}"'))[form]
    text = redaction.mask(f"no: {encoded}!", [secret])
    assert text.startswith("no: ***")
    assert SecretScanner([json.loads(f'"{secret}"')]).find("masked", text) == []


def test_a_short_text_is_shown_completely() -> None:
    assert redaction.excerpt("It is broken.", 200, SECRETS) == "It is broken."
    assert redaction.excerpt("y" * 300, 200, SECRETS) == "y" * 200
    assert Answer(500, {}, b"It is\n broken.").excerpt() == "It is broken."


@pytest.mark.parametrize(
    "text",
    [
        '{"access_token":"9fJ2kQ7',
        '{"refresh_token": "9fJ2kQ7ww", "x": 1}',
        "access_token=9fJ2kQ7&x=1",
        '{\\"access_token\\":\\"9fJ2kQ7',
        "id_token : 9fJ2kQ7",
    ],
)
def test_a_value_with_a_token_key_is_masked_even_if_it_is_unknown(text: str) -> None:
    """As in an incomplete answer of the token address."""
    assert "9fJ2" not in redaction.mask(text, [])


def test_words_are_not_tokens() -> None:
    for text in ("the token is spent", "no access_token that can be used", "refresh token: no", "a token, please"):
        assert redaction.mask(text, []) == text


def test_a_secret_that_is_a_common_word_masks_that_word_and_breaks_nothing() -> None:
    """Safe although hard to read."""
    logs.register_secret("product")
    assert logs.redact("GET /products: no product") == "GET /***s: no ***"


def test_a_text_too_short_for_a_secret_masks_nothing() -> None:
    logs.register_secret("abc")
    logs.register_secret("")
    assert logs.redact("abc") == "abc"
    assert logs.excerpt("abc", 10) == "abc"


def test_only_long_secrets_are_searched_for_in_products() -> None:
    """A number of five digits is part of many EANs."""
    document = b'[{"ean":"7312345678906","name":"k7Qv2mZp9Rw4Xt6Bn1Lc8Hd3"}]'
    assert not redaction.contains(document, ["12345", "name"])
    assert redaction.contains(document, ["k7Qv2mZp9Rw4Xt6Bn1Lc8Hd3"])
    assert redaction.contains(rb'["v7\/Q+z=9&k\u0027<m>\"w\\x%2Fp~r;Lt`g#5?"]', [WITH_SPECIAL_CHARACTERS.centra_token])

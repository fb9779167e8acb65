"""Check digits compared with a plain implementation of GS1's rule."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.gtin import is_gtin
from tests.support.frames import texts


def oracle(code: str) -> bool:
    if len(code) not in (8, 12, 13, 14) or not (code.isascii() and code.isdigit()) or set(code) == {"0"}:
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(code)))
    return weighted % 10 == 0


CODES = st.text("0123456789", max_size=20) | st.text("0123456789 x٣", max_size=14) | st.from_regex(r"\d{13}")


@settings(deadline=None, database=None)
@given(st.lists(CODES, max_size=30))
def test_is_gtin_agrees_with_the_rule(codes: list[str]) -> None:
    assert list(is_gtin(texts(codes))) == [oracle(code) for code in codes]


@settings(deadline=None, database=None)
@given(st.sampled_from([7, 11, 12, 13]).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)))
def test_exactly_one_check_digit_is_valid(body: str) -> None:
    """Zeros are no GTIN, although their check digit is right."""
    assume(set(body) != {"0"})
    assert list(is_gtin(texts([body + digit for digit in "0123456789"]))).count(True) == 1

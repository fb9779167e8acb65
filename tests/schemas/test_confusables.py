"""Skeletons of codes: equal for codes that look the same on a label, different for all others."""

from __future__ import annotations

import pytest

from schemas.confusables import skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("ab-1", "AB-1", id="case"),
        pytest.param("A B", "AB", id="a blank"),
        pytest.param("A\u00a0B", "A B", id="a no-break space"),
        pytest.param("R\u00d6D", "RO\u0308D", id="composed and combining"),
        pytest.param("\uff21\uff11", "A1", id="full width"),
        pytest.param("\u0410100", "A100", id="Cyrillic"),
        pytest.param("\u0391100", "A100", id="Greek"),
        pytest.param("A\u200bB", "AB", id="invisible"),
        pytest.param("A\x07B", "AB", id="a control character"),
        pytest.param("Stra\u00dfe", "STRASSE", id="sharp s"),
        pytest.param("DASH\u20131", "DASH-1", id="en dash"),
        pytest.param("DASH\u20141", "DASH-1", id="em dash"),
        pytest.param("DASH\u20101", "DASH-1", id="hyphen"),
        pytest.param("DASH\u22121", "DASH-1", id="minus"),
        pytest.param("HEART\u2764\ufe0f", "HEART\u2764", id="variation selector"),
        pytest.param("A\u3164B", "AB", id="Hangul filler"),
        pytest.param("A\u034fB", "AB", id="grapheme joiner"),
        pytest.param("\u0555-1", "O-1", id="Armenian"),
        pytest.param("A\u2019B", "A'B", id="apostrophe"),
        pytest.param("A\u2044B", "A/B", id="fraction slash"),
        pytest.param("\U0001d400-1", "A-1", id="mathematical"),
    ],
)
def test_codes_that_look_the_same_have_the_same_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"), [("A-1", "A1"), ("O", "0"), ("I", "1"), ("\u00c5", "A"), ("\u00d6", "O"), ("\u05d0", "\u05d1")]
)
def test_codes_that_look_different_have_different_skeletons(one: str, other: str) -> None:
    """Dashes, rings and dots are visible; a scanner distinguishes 0 and O."""
    assert skeleton(one) != skeleton(other)

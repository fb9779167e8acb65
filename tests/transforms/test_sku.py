"""The combined code of a size."""

from __future__ import annotations

import pytest

from tests.support.frames import plain_list, staged, texts
from tests.support.shop import size
from transforms.sku import code_in_myogo, combined_code


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(("JKT100", "-BLU", "-S"), "JKT100-BLU-S", id="three parts"),
        pytest.param(("Prod123", "Var123", "789S"), "Prod123Var123789S", id="no separator"),
        pytest.param(("M411-740", "", ""), "M411-740", id="empty parts"),
        pytest.param((None, None, "S"), "S", id="null parts"),
        pytest.param((" A ", "\t", "b "), " A \tb ", id="blanks stay"),
        pytest.param(("aB", "Cd", "É"), "aBCdÉ", id="case stays"),
        pytest.param(("0123", "00", "0"), "0123000", id="leading zeros stay"),
        pytest.param((123, 9007199254740993, 1), "12390071992547409931", id="numbers keep their digits"),
        pytest.param(("1e5", "NaN", "null"), "1e5NaNnull", id="words that look like numbers"),
        pytest.param(("", "", ""), "", id="all empty"),
        pytest.param((None, [], ""), "", id="all absent"),
    ],
)
def test_the_code_is_its_parts_verbatim(parts: tuple[object, object, object], expected: str) -> None:
    """Not trimmed, case-folded, separated or converted."""
    sizes, _ = staged(size(1, sku=parts[0], variantSku=parts[1], sizeSku=parts[2]))
    code = combined_code(sizes)
    assert (list(code), code.name) == ([expected], "code")


def test_rows_with_and_without_parts_do_not_affect_each_other() -> None:
    sizes, _ = staged(size(1, sku=1), size(2, sku="01"), size(3, sku=None), size(4, sku="A"))
    assert list(combined_code(sizes)) == ["1", "01", "", "A"]


def test_a_code_that_is_kept_is_that_of_myogo() -> None:
    """Other codes, an empty and a missing one stay, each in its row."""
    codes = texts(["NEW", "A", "", "new", None]).set_axis([4, 3, 2, 1, 0])
    kept = code_in_myogo(codes, {"NEW": "OLD", "B": "C"})
    assert plain_list(kept) == ["OLD", "A", "", "new", None]
    assert list(kept.index) == [4, 3, 2, 1, 0]
    assert plain_list(code_in_myogo(codes, {})) == ["NEW", "A", "", "new", None]

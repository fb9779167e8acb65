"""Code parts that come as JSON numbers, in complete runs over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.shop import Shop, size
from tests.support.shop_helpers import held, withheld_rows_of

ShopOf = Callable[..., Shop]


@pytest.mark.parametrize(
    ("text", "number"), [({"sku": "0123"}, {"sku": 123}), ({"sku": "A", "sizeSku": "08"}, {"sku": "A", "sizeSku": 8})]
)
def test_a_code_that_became_a_number_is_withheld_until_it_is_a_text_again(
    shop_of: ShopOf, text: dict[str, Any], number: dict[str, Any]
) -> None:
    """Also if the size was not pushed before, for lack of a price, and in every run until then."""
    shop = shop_of(size(1, **text, prices=[]), size(2))
    shop.run("plan", flows=("products",))
    shop.box.change_centra_row(1, **number, prices=size(1)["prices"])
    code = "".join(str(part) for part in number.values())
    for _ in range(2):
        assert shop.run(flows=("products",)).exit_code == 3
        assert withheld_rows_of(shop, "products") == [(code, "TYPE-001", "1")]
    assert set(held(shop)) == {"SKU2"}
    field = list(text)[-1]
    assert shop.sql("select distinct message from sync.withheld where rule = 'TYPE-001'") == [
        (f"Unexpected type: {field} is the number {number[field]}, and was the text {text[field]!r} when it was last "
         "read as text.",)
    ]  # fmt: skip
    shop.box.change_centra_row(1, **text)
    assert shop.run(flows=("products",)).exit_code == 0
    assert set(held(shop)) == {"".join(text.values()), "SKU2"}


def test_an_accepted_number_is_a_code(shop_of: ShopOf) -> None:
    """And stays one when the channel's key is removed."""
    shop = shop_of(size(1, sku="0123"))
    shop.run(flows=("products",))
    shop.box.change_centra_row(1, sku=123)
    assert shop.run(flows=("products",)).exit_code == 3
    assert withheld_rows_of(shop, "products") == [("123", "SKU-005", "1"), ("123", "TYPE-001", "1")]
    shop.edit("[flows.products.params]\n", '[flows.products.params]\naccept_as_new = ["123"]\n')
    assert shop.run(flows=("products",)).exit_code == 0
    shop.edit('accept_as_new = ["123"]\n', "")
    assert shop.run(flows=("products",)).exit_code == 0
    assert set(held(shop)) == {"0123", "123"}


@pytest.mark.parametrize("sku", [1.5, 100.0, 1e25])
def test_a_number_with_a_point_or_an_exponent_is_no_code(shop_of: ShopOf, sku: float) -> None:
    """The run goes on with the other sizes; the same code as an integer is one."""
    shop = shop_of(size(1, sku=sku), size(2, sku=100), size(3, sku="100x"))
    assert shop.run(flows=("products",)).exit_code == 3
    assert withheld_rows_of(shop, "products") == [("", "TYPE-001", "1")]
    assert set(held(shop)) == {"100", "100x"}
    assert shop.sql("select code from v_duplicate_codes") == []

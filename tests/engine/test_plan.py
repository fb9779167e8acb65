"""The difference between the desired products and the target's products."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from pipelines.core.json_codec import decode_exact
from pipelines.engine.plan import CHANGE_COLUMNS, Plan, diff
from schemas.contract import Contract
from schemas.products.contract import PRODUCT
from tests.support.frames import desired, held, plain_list
from tests.support.shop import euro, size

# The fields of the product in myOGO after size(n) was created there.
SAME: dict[str, Any] = {
    "name": "Parka Blue S", "salesPrice": "10.00", "supplier": "Acme", "group": "Jackets", "countryOfOrigin": "PT",
    "customsDescription": "Coats", "hsCode": "62014000", "languageCode": "en",
}  # fmt: skip


def planned(*sizes: dict[str, Any], live: list[dict[str, Any]] | None = None) -> Plan:
    return diff(desired(*sizes), held(*(live or [])), PRODUCT)


def same(number: int, **fields: Any) -> dict[str, Any]:
    return SAME | {"code": f"SKU{number}"} | fields


def changes(plan: Plan) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Action, key, before and after; numbers as the text of their digits."""
    rows = plan.changes[["action", "key", "before", "after"]].itertuples(index=False)
    return [(action, key, _digits(before), _digits(after)) for action, key, before, after in rows]


def _digits(text: str) -> dict[str, Any]:
    return dict(json.loads(text, parse_float=str, parse_int=str))


def test_a_create_holds_every_non_null_value_of_the_product() -> None:
    """And the source id of its size."""
    plan = planned(size(1, ean="7350000000016"))
    after = {
        "code": "SKU1", "name": "Parka Blue S", "sales_price": "10.00", "supplier": "Acme", "product_group": "Jackets",
        "country_of_origin": "PT", "customs_description": "Coats", "hs_code": "62014000", "language_code": "en",
        "ean_code": "7350000000016",
    }  # fmt: skip
    assert changes(plan) == [("create", "SKU1", {}, after)]
    assert list(plan.changes["source_id"]) == ["1"]
    assert list(plan.changes.columns) == CHANGE_COLUMNS
    assert (plan.count("create"), plan.count("update"), plan.unchanged, plan.live) == (1, 0, 0, 0)


PERSONAL = Contract(key="code", compare=("name",), create_only=(), personal=("address", "phone"))


def of_people(*rows: tuple[str, str, str | None, str | None]) -> Plan:
    """The plan for rows of code, name, address and phone. The target has SKU9, whose name is Parka."""
    frame = pd.DataFrame(rows, columns=["code", "name", "address", "phone"], dtype="str").assign(source_id="7")
    live = pd.DataFrame({"code": ["SKU9"], "name": ["Parka"]}, dtype="str")
    return diff(frame, live, PERSONAL)


def test_personal_data_of_a_create_is_not_in_the_changes_and_counts_in_the_fingerprint() -> None:
    """Without what is not known; and none of a row that the target has."""
    plan = of_people(("SKU1", "Parka", "Street 1", None), ("SKU9", "Coat", "Street 2", "123"))
    assert plan.personal == {"SKU1": '{"address":"Street 1"}'}
    assert "Street" not in plan.changes.to_json()
    others = [
        of_people(("SKU1", "Parka", address, phone), ("SKU9", "Coat", "Street 2", "123"))
        for address, phone in (("Street 3", None), (None, "Street 1"), (None, None))
    ]
    assert len({plan.fingerprint, *(other.fingerprint for other in others)}) == 4
    again = of_people(("SKU1", "Parka", "Street 1", None), ("SKU9", "Coat", "Street 4", None))
    assert again.fingerprint == plan.fingerprint


def test_the_rows_that_are_equal_are_found_with_their_ids() -> None:
    plan = of_people(("SKU9", "Parka", None, None), ("SKU1", "Coat", None, None))
    assert plan.found.to_dict("records") == [{"source_id": "7", "key": "SKU9"}]


def test_equal_products_give_no_change() -> None:
    plan = planned(size(1), size(2), live=[same(2), same(1), same(3)])
    assert (len(plan.changes), plan.unchanged, plan.live) == (0, 2, 3)


@pytest.mark.parametrize(
    ("column", "vendor", "held_value", "before", "after"),
    [
        ("name", "name", "Old", "Old", "Parka Blue S"),
        ("name", "name", None, None, "Parka Blue S"),
        ("name", "name", "", None, "Parka Blue S"),
        ("name", "name", "parka blue s", "parka blue s", "Parka Blue S"),
        ("name", "name", "Parka Blue S ", "Parka Blue S ", "Parka Blue S"),
        ("sales_price", "salesPrice", "9.99", "9.99", "10.00"),
        ("sales_price", "salesPrice", "10.0001", "10.0001", "10.00"),
        ("sales_price", "salesPrice", 0, "0.00", "10.00"),
        ("sales_price", "salesPrice", None, None, "10.00"),
        ("supplier", "supplier", "X", "X", "Acme"),
        ("product_group", "group", "X", "X", "Jackets"),
        ("country_of_origin", "countryOfOrigin", "SE", "SE", "PT"),
        ("customs_description", "customsDescription", "X", "X", "Coats"),
        ("hs_code", "hsCode", "62014001", "62014001", "62014000"),
        ("language_code", "languageCode", "sv", "sv", "en"),
    ],
)
def test_an_update_holds_only_the_changed_columns(
    column: str, vendor: str, held_value: Any, before: Any, after: Any
) -> None:
    """With their values before and after."""
    plan = planned(size(1), size(2), live=[same(1), same(2, **{vendor: held_value})])
    assert changes(plan) == [("update", "SKU2", {column: before}, {column: after})]
    assert plan.unchanged == 1


@pytest.mark.parametrize("held_value", [10, "10", "10.0", "10.00", "10.0000", "1000e-2"])
def test_equal_prices_are_equal_in_any_notation(held_value: Any) -> None:
    """Also with an exponent."""
    assert planned(size(1), live=[same(1, salesPrice=held_value)]).count("update") == 0


@pytest.mark.parametrize(
    ("amount", "sent"),
    [("49", "49.00"), ("49.9", "49.90"), ("49.90", "49.90"), ("0.0001", "0.0001"), ("49.125", "49.125"),
     ("100", "100.00"), ("12345678901234.5678", "12345678901234.5678")],
)  # fmt: skip
def test_money_is_sent_with_at_least_two_decimals(amount: str, sent: str) -> None:
    """As a JSON number without an exponent and without a lost digit."""
    after = planned(size(1, prices=[euro(amount)])).changes["after"][0]
    assert f'"sales_price":{sent},' in after


def test_absent_values_are_neither_compared_nor_sent() -> None:
    """myOGO keeps its own values."""
    minimal = size(
        1, brand="", categoryName="", categories=[], folder="", countryOfOrigin="", harmCode="", harmDescription=""
    )
    live = same(1, description="theirs", pictureUrl="https://x.test/", eanCode="123")
    assert len(planned(minimal, live=[live]).changes) == 0
    created = changes(planned(minimal))[0][3]
    assert set(created) == {"code", "name", "sales_price", "language_code"}


@pytest.mark.parametrize("held_value", [None, ""], ids=["null", "empty"])
def test_an_ean_is_added_if_myogo_has_none(held_value: str | None) -> None:
    plan = planned(size(1, ean="96385074"), live=[same(1, eanCode=held_value)])
    assert [change[3] for change in changes(plan)] == [{"ean_code": "96385074"}]


def test_an_ean_of_myogo_is_never_changed() -> None:
    """Not with another change either, and not if it is blank: myOGO keeps it, and every run would plan it again."""
    assert len(planned(size(1, ean="96385074"), live=[same(1, eanCode=" ")]).changes) == 0
    assert len(planned(size(1, ean="96385074"), live=[same(1, eanCode="1")]).changes) == 0
    plan = planned(size(1, ean="96385074"), live=[same(1, eanCode="1", name="Old")])
    assert changes(plan) == [("update", "SKU1", {"name": "Old"}, {"name": "Parka Blue S"})]


def test_codes_match_exactly() -> None:
    """A code that differs by case or a blank is another product."""
    plan = planned(size(1, sku="a"), size(2, sku="A "), live=[same(1, code="A")])
    assert [change[:2] for change in changes(plan)] == [("create", "A "), ("create", "a")]


def test_products_that_only_myogo_has_are_left_alone() -> None:
    """Also duplicate codes that Centra does not have."""
    plan = planned(size(1), live=[same(1), same(7), same(8), same(8)])
    assert (len(plan.changes), plan.unchanged, plan.live) == (0, 1, 4)


def test_each_update_is_compared_with_its_own_product() -> None:
    live = [same(n, salesPrice=f"{n}.00") for n in (3, 1, 2)]
    plan = planned(*(size(n, prices=[euro(f"{n}.00" if n != 2 else "5")]) for n in (2, 3, 1)), live=live)
    assert changes(plan) == [("update", "SKU2", {"sales_price": "2.00"}, {"sales_price": "5.00"})]
    assert plan.changes["source_id"][0] == "2"


def test_changes_are_sorted_by_action_and_code() -> None:
    """The index starts at 0."""
    plan = planned(*(size(n) for n in (3, 9, 2, 1)), live=[same(9, name="x"), same(2, name="x")])
    assert [change[:2] for change in changes(plan)] == [
        ("create", "SKU1"), ("create", "SKU3"), ("update", "SKU2"), ("update", "SKU9"),
    ]  # fmt: skip
    assert list(plan.changes.index) == [0, 1, 2, 3]


@pytest.mark.parametrize("sizes", [[], [size(1)]], ids=["nothing wanted", "one wanted"])
@pytest.mark.parametrize("live", [[], [same(5)]], ids=["nothing held", "one held"])
def test_either_side_may_be_empty(sizes: list[dict[str, Any]], live: list[dict[str, Any]]) -> None:
    plan = planned(*sizes, live=live)
    assert (plan.count("create"), plan.count("update"), plan.unchanged) == (len(sizes), 0, 0)


def test_the_fingerprint_does_not_depend_on_order() -> None:
    sizes, live = [size(n) for n in range(1, 6)], [same(2, name="x"), same(4, name="y"), same(9)]
    assert planned(*sizes, live=live).fingerprint == planned(*sizes[::-1], live=live[::-1]).fingerprint


def test_a_fingerprint_has_a_fixed_definition() -> None:
    """The first 16 digits of the SHA-256 of one JSON line per change, so that a later version can push the plan."""
    lines = (
        b'["create","SKU2","{}","{\\"code\\":\\"SKU2\\",\\"name\\":\\"Parka Blue S\\",\\"sales_price\\":10.00,'
        b'\\"language_code\\":\\"en\\"}"]\n'
        b'["update","SKU1","{\\"name\\":\\"Old\\"}","{\\"name\\":\\"Parka Blue S\\"}"]\n'
    )
    no_optional_fields = {"brand": "", "categoryName": "", "categories": [], "folder": "", "countryOfOrigin": "",
                          "harmCode": "", "harmDescription": ""}  # fmt: skip
    plan = planned(size(1), size(2, **no_optional_fields), live=[same(1, name="Old")])
    assert plan.fingerprint == hashlib.sha256(lines).hexdigest()[:16]


@pytest.mark.parametrize(
    ("sizes", "live"),
    [
        pytest.param([size(1)], [], id="create instead of update"),
        pytest.param([size(1, name="New")], [same(1, name="x")], id="another after"),
        pytest.param([size(1)], [same(1, name="z")], id="another before"),
        pytest.param([size(1)], [same(1, supplier="x")], id="another column"),
        pytest.param([size(1, sku="SKU2")], [same(2, name="x")], id="another product"),
        pytest.param([size(1), size(2)], [same(1, name="x")], id="one more"),
        pytest.param([size(1)], [same(1)], id="none"),
    ],
)
def test_different_plans_have_different_fingerprints(sizes: list[dict[str, Any]], live: list[dict[str, Any]]) -> None:
    assert planned(*sizes, live=live).fingerprint != planned(size(1), live=[same(1, name="x")]).fingerprint


def test_the_fingerprint_ignores_what_is_not_sent() -> None:
    """Unchanged products and source ids."""
    base = planned(size(1), live=[same(1, name="x")]).fingerprint
    assert planned(size(1), size(2), live=[same(1, name="x"), same(2), same(3)]).fingerprint == base
    assert planned(size(7, sku="SKU1"), live=[same(1, name="x", stock=5)]).fingerprint == base


def test_diff_does_not_change_its_input_frames() -> None:
    wanted, live = desired(size(2), size(1)), held(same(2, name="x"), same(7))
    before = wanted.copy(), live.copy()
    diff(wanted, live, PRODUCT)
    pd.testing.assert_frame_equal(wanted, before[0])
    pd.testing.assert_frame_equal(live, before[1])


def test_the_target_reads_exact_decimals_from_a_plan() -> None:
    """`decode_exact` of `after` gives the planned price."""
    plan = planned(size(1, prices=[euro("49.90")]))
    assert decode_exact(plan.changes["after"][0].encode())["sales_price"] == Decimal("49.90")
    assert plain_list(plan.changes["before"]) == ["{}"]


def test_a_plan_made_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are converted to Python objects in chunks; each object stays with its row."""
    sizes = [size(n) for n in range(1, 8)]
    live = [same(n, name=f"Name {n}") for n in range(1, 4)]
    at_once = planned(*sizes, live=live)
    monkeypatch.setattr("pipelines.engine.plan.CHUNK_ROWS", 2)
    in_chunks = planned(*sizes, live=live)
    assert at_once.count("create") == 4
    assert at_once.count("update") == 3
    assert in_chunks.fingerprint == at_once.fingerprint
    assert changes(in_chunks) == changes(at_once)

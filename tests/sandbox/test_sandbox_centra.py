"""The stand-in for Centra answers as the Order API is documented, or as a switch sets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from pipelines.sandbox import Catalogue, Sandbox
from tests.support.waiting import LONG_S

Call = Callable[..., requests.Response]


def ids(response: requests.Response) -> list[int]:
    return [int(row["stockItemId"]) for row in response.json()["products"]]


def row(response: requests.Response, index: int = 0) -> dict[str, Any]:
    product: dict[str, Any] = response.json()["products"][index]
    return product


def test_row_has_the_documented_fields_in_the_documented_order(centra: Call) -> None:
    assert ",".join(row(centra("/products"))) == (
        "sku,variantId,variantSku,sizeSku,brand,collection,product,productId,variant,size,sizeComment,stockItemId,"
        "ean,upc,weight,weightUnit,countryOfOrigin,harmCode,harmDescription,active,createdAt,name,description,"
        "shortDescription,comment,metaTitle,metaDescription,metaKeywords,folder,categories,categoryName,images,"
        "prices,store"
    )


def test_json_is_written_as_php_writes_it(centra: Call) -> None:
    text = centra("/products", limit=1).text
    assert text.isascii()
    assert "Tr\\u00f6ja 100 %" in text
    assert '"folder":"Outerwear \\/ Parkas"' in text
    assert '"weight":1.25' in text


def test_empty_map_is_a_list(box: Sandbox, centra: Call) -> None:
    box.change_centra_row(7001, extra={})
    assert '"extra":[]' in centra("/products", limit=1).text


def test_deeper_levels_override_and_remove_fields(centra: Call) -> None:
    rows = centra("/products").json()["products"]
    assert "ean" not in rows[2]
    assert [product["name"] for product in rows[3:5]] == ["Annan", "Tröja 100 %"]


def test_without_limit_the_answer_has_all_rows_and_no_next(centra: Call) -> None:
    content = centra("/products").json()
    assert len(content["products"]) == 6
    assert content.keys() == {"status", "products"}


def test_pages_link_to_their_neighbours(centra: Call) -> None:
    first, middle, last = (centra("/products/", limit=2, page=page).json() for page in (1, 2, 3))
    assert (first.get("previous"), first.get("next")) == (None, "?limit=2&page=2")
    assert (middle.get("previous"), middle.get("next")) == ("?limit=2&page=1", "?limit=2&page=3")
    assert "next" not in last


def test_page_past_the_end_is_empty(centra: Call) -> None:
    assert centra("/products", limit=2, page=9).json()["products"] == []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"sku": "HAT"}, [7006]),
        ({"sku": "HA"}, []),
        ({"ean": "735000007001"}, [7001]),
        ({"productId": 501, "variantId": 902}, [7004, 7005]),
        ({"stockItemID": 7002}, [7002]),
        ({"stockItemId": 7002}, [7002]),
        ({"modified": "2026-03-01"}, [7006]),
        ({"modified": "2026-03-01 12:00:00"}, [7006]),
        ({"modified": "2026-03-01 12:00:01"}, []),
        ({"created": "2026-02-01"}, [7006]),
    ],
    ids=str,
)
def test_filters(centra: Call, params: dict[str, Any], expected: list[int]) -> None:
    assert ids(centra("/products", **params)) == expected


@pytest.mark.parametrize(
    "params", [{"modified": "yesterday"}, {"modified": "2026-02-30"}, {"limit": "x"}, {"limit": 0}], ids=str
)
def test_error_names_an_unreadable_parameter(centra: Call, params: dict[str, Any]) -> None:
    assert centra("/products", **params).json() == {
        "status": "no",
        "msg": {next(iter(params)): "invalid value"},
    }


def test_change_moves_modified(box: Sandbox, centra: Call) -> None:
    box.change_centra_row(7002, name="Ny")
    assert ids(centra("/products", modified="2026-04-01")) == [7002]
    assert row(centra("/products", modified="2026-04-01"))["name"] == "Ny"


def test_attributes_are_included_on_request(centra: Call) -> None:
    assert row(centra("/products", include="attributes"))["material"] == "ull"
    assert "material" not in row(centra("/products"))


def test_stock_rows(centra: Call) -> None:
    first = row(centra("/stock"))
    assert (first["physicalStock"], first["allocatedStock"], first["availableStock"]) == (10, 3, 7)
    assert first["categoryName"] is None
    assert not first.keys() & {"prices", "name", "description", "images", "folder", "categories", "material"}
    assert "physicalStock" not in row(centra("/stock", exclude="physicalStock"))


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_stock_is_written_by_ean_or_full_sku_and_never_below_allocated(box: Sandbox, centra: Call, method: str) -> None:
    wanted = [
        {"product": "735000007001", "quantity": 54, "costPrice": 8.12},
        {"product": "JKT100-BLU-M", "quantity": 1},
    ]
    assert centra("/stock", method, {"products": wanted}).json() == {"status": "ok"}
    assert [box.centra_row(key)["physical"] for key in (7001, 7002)] == [54, 3]
    assert ids(centra("/stock", stock_modified="2026-04-01")) == [7001, 7002]


def test_free_to_allocate_update_leaves_allocated_alone(box: Sandbox, centra: Call) -> None:
    box.switch("centra", stock_update_type="fta")
    centra("/stock", "POST", {"products": [{"product": "JKT100-BLU-M", "quantity": 5}]})
    assert box.centra_row(7002)["physical"] == 8


@pytest.mark.parametrize(("order", "winner"), [("ean_upc_code", 7001), ("code_ean_upc", 7003), ("upc_code_ean", 7002)])
def test_a_text_that_is_an_ean_a_upc_and_a_code_means_one_size(
    box: Sandbox, centra: Call, order: str, winner: int
) -> None:
    text = "735000007001"
    box.change_centra_row(7002, upc=text)
    box.change_centra_row(7003, sku=text, variantSku="", sizeSku="")
    box.switch("centra", stock_product=order)
    centra("/stock", "POST", {"products": [{"product": text, "quantity": 77}]})
    assert [key for key in (7001, 7002, 7003) if box.centra_row(key)["physical"] == 77] == [winner]


@pytest.mark.parametrize(("copies", "winner"), [("lowest_id", 7001), ("highest_id", 7002)])
def test_of_two_sizes_with_a_upc_one_is_written(box: Sandbox, centra: Call, copies: str, winner: int) -> None:
    for key in (7001, 7002):
        box.change_centra_row(key, upc="012345678905")
    box.switch("centra", stock_product_copies=copies)
    centra("/stock", "POST", {"products": [{"product": "012345678905", "quantity": 77}]})
    assert [key for key in (7001, 7002) if box.centra_row(key)["physical"] == 77] == [winner]


def test_a_virtual_warehouse_adds_its_units(box: Sandbox, centra: Call) -> None:
    box.switch("centra", virtual_stock=4)
    centra("/stock", "POST", {"products": [{"product": "HAT", "quantity": 7}]})
    assert row(centra("/stock", stockItemId=7006))["physicalStock"] == 11


def test_stock_update_lists_what_it_could_not_apply_and_applies_the_rest(box: Sandbox, centra: Call) -> None:
    box.switch("centra", bundles=["BNDL-1"])
    codes = ("999", "BNDL-1", "HAT")
    answer = centra("/stock", "POST", {"products": [{"product": code, "quantity": 7} for code in codes]})
    assert answer.json() == {
        "status": "no",
        "msg": "Some of the products were not updated",
        "errors": {"productsNotFound": ["999"], "productsAreBundles": ["BNDL-1"]},
    }
    assert box.centra_row(7006)["physical"] == 7
    assert box.requests("centra")[-1]["applied"] is True


def test_negative_quantity(box: Sandbox, centra: Call) -> None:
    update = {"products": [{"product": "HAT", "quantity": -1}]}
    assert centra("/stock", "POST", update).json()["msg"] == {"quantity": "invalid value"}
    box.switch("centra", negative_quantity="clamp")
    assert centra("/stock", "POST", update).json() == {"status": "ok"}
    assert box.centra_row(7006)["physical"] == 3


def test_batch_limit(box: Sandbox, centra: Call) -> None:
    box.switch("centra", batch_limit=1)
    update = {"products": [{"product": "HAT", "quantity": 7}] * 2}
    assert centra("/stock", "POST", update).status_code == 413


def test_orders_and_shipments_are_empty_lists_and_other_paths_do_not_exist(centra: Call) -> None:
    assert centra("/orders").json() == {"status": "ok", "orders": []}
    assert centra("/shipments").json() == {"status": "ok", "shipments": []}
    assert centra("/pricelists").status_code == 404
    assert centra("/pricelists").json()["status"] == "no"


@pytest.mark.parametrize(
    ("failure", "status"), [(401, 401), (403, 403), ("no", 200)], ids=["401", "403", "200 with no"]
)
@pytest.mark.parametrize("headers", [{}, {"API-Authorization": "wrong"}], ids=["no key", "wrong key"])
def test_wrong_key(box: Sandbox, failure: Any, status: int, headers: dict[str, str]) -> None:
    box.switch("centra", auth_failure=failure)
    answer = requests.get(f"{box.centra_url}/products", headers=headers, timeout=LONG_S)
    assert (answer.status_code, answer.json()) == (status, {"status": "no", "msg": "Unauthorized"})
    assert box.requests()[-1]["auth"] == ("wrong" if headers else "none")


@pytest.mark.parametrize("group", ["products", "stock", "orders", "shipments"])
def test_unticked_group_is_not_allowed(box: Sandbox, centra: Call, group: str) -> None:
    box.switch("centra", allow={group: False})
    answer = centra(f"/{group}")
    assert (answer.status_code, answer.json()) == (403, {"status": "Not Allowed"})
    assert sum(centra(f"/{other}").ok for other in ("products", "stock", "orders", "shipments")) == 3


def test_limit_is_capped(box: Sandbox, centra: Call) -> None:
    box.switch("centra", max_limit=4)
    assert centra("/products", limit=100).json()["next"] == "?limit=4&page=2"
    box.switch("centra", limit_over_max="no")
    assert centra("/products", limit=100).json()["msg"] == {"limit": "invalid value"}
    box.switch("centra", max_limit=0)
    assert len(ids(centra("/products", limit=100))) == 6


@pytest.mark.parametrize(
    ("switch", "index", "expected"),
    [
        ({"price_as": "number"}, 0, '"price":329,'),
        ({"price_as": "number"}, 3, '"price":49.9,'),
        ({"price_as": "string"}, 3, '"price":"49.90"'),
        ({"price_as": "string"}, 0, '"price":"100.00"'),
        ({"ids_as": "string"}, 0, '"stockItemId":"7001"'),
        ({"ids_as": "string"}, 0, '"productId":"501"'),
        ({"ids_as": "number"}, 0, '"prices":[{"id":36'),
        ({"flags_as": "bool"}, 0, '"active":true'),
        ({"empty_as": ""}, 0, '"upc":""'),
        ({"empty_as": None}, 4, '"ean":null'),
    ],
    ids=str,
)
def test_value_dialects(box: Sandbox, centra: Call, switch: dict[str, Any], index: int, expected: str) -> None:
    box.switch("centra", **switch)
    assert expected in centra("/products", limit=1, page=index + 1).text


def test_empty_fields_can_be_left_out(box: Sandbox, centra: Call) -> None:
    box.switch("centra", empty_as="missing")
    assert not row(centra("/products")).keys() & {"upc", "brand", "comment"}


@pytest.mark.parametrize(("shape", "value"), [("null", None), ("empty", "")])
def test_next_at_the_end(box: Sandbox, centra: Call, shape: str, value: Any) -> None:
    box.switch("centra", next_at_end=shape)
    assert centra("/products", limit=2, page=3).json()["next"] == value


def test_next_can_be_absolute_and_repeat_the_filters(box: Sandbox, centra: Call) -> None:
    box.switch("centra", next_repeats_filters=True)
    assert centra("/products", limit=1, sku="JKT100").json()["next"] == "?sku=JKT100&limit=1&page=2"
    box.switch("centra", next_absolute=True)
    link = centra("/products", limit=1, sku="JKT100").json()["next"]
    assert link == f"{box.centra_url}/products?sku=JKT100&limit=1&page=2"


def test_sort_order(box: Sandbox, centra: Call) -> None:
    box.switch("centra", sort="desc")
    assert ids(centra("/products")) == [7006, 7005, 7004, 7003, 7002, 7001]
    box.switch("centra", sort="shuffled")
    assert ids(centra("/products")) not in ([*range(7001, 7007)], [*range(7006, 7000, -1)])


def test_other_switches(box: Sandbox, centra: Call) -> None:
    box.switch("centra", msg_as_object=True)
    assert isinstance(centra("/nowhere").json()["msg"], dict)
    box.switch("centra", invalid_date="ignore")
    assert len(ids(centra("/products", modified="yesterday"))) == 6
    box.switch("centra", modified_inclusive=False)
    assert ids(centra("/products", modified="2026-03-01 12:00:00")) == []


def test_rows_can_be_added_and_removed(box: Sandbox, centra: Call) -> None:
    box.add_centra_row({"stockItemId": 6000, "sku": "NEW", "name": "Ny"})
    box.delete_centra_row(7001)
    assert ids(centra("/products")) == [6000, 7002, 7003, 7004, 7005, 7006]
    assert json.loads(centra("/products", limit=1).text)["products"] == [
        {"sku": "NEW", "stockItemId": 6000, "name": "Ny"}
    ]


def test_base_path_can_be_set(shop: Catalogue) -> None:
    with Sandbox.start(shop, base_path="/api/all-everything/100/") as box:
        assert box.centra_url.endswith("/api/all-everything/100")
        headers = {"API-Authorization": box.credentials.centra_token}
        assert requests.get(f"{box.centra_url}/products", headers=headers, timeout=LONG_S).ok

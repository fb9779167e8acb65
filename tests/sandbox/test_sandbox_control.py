"""The control endpoint reads and changes everything, and shows no secret."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from pipelines.sandbox import Sandbox
from tests.sandbox.conftest import SCOPES
from tests.support.waiting import LONG_S

Call = Callable[..., requests.Response]


def b64(code: str) -> str:
    return base64.urlsafe_b64encode(code.encode()).decode().rstrip("=")


def test_both_servers_have_the_control_endpoint(box: Sandbox) -> None:
    for url in (box.centra_url.partition("/api")[0], box.myogo_url):
        assert requests.get(f"{url}/_control/health", timeout=LONG_S).json() == {"status": "ok"}


def test_switches(control: Call) -> None:
    assert control("switches/centra").json()["max_limit"] == 100
    answer = control("switches/centra", "PUT", {"max_limit": 5, "allow": {"stock": False}})
    assert answer.json()["allow"] == {"products": True, "stock": False, "orders": True, "shipments": True}
    assert control("switches/centra").json()["max_limit"] == 5


@pytest.mark.parametrize(
    "values",
    [
        {"speed": 1},
        {"max_limit": -1},
        {"max_limit": True},
        {"sort": "up"},
        {"allow": {"x": True}},
        {"timezone": "x"},
    ],
    ids=str,
)
def test_error_of_a_bad_switch_names_the_accepted_ones(control: Call, values: dict[str, Any]) -> None:
    answer = control("switches/centra", "PUT", values)
    assert answer.status_code == 400
    assert "it takes" in answer.json()["error"] or "there are" in answer.json()["error"]


def test_faults(control: Call, centra: Call) -> None:
    assert len(control("faults", "POST", [{"side": "centra", "kind": "drop"}] * 2).json()) == 2
    assert control("faults", "POST", {"side": "centra", "kind": "nope"}).status_code == 400
    assert control("faults", "DELETE").json() == []
    assert centra("/products").ok


def test_requests_are_listed_without_secrets(box: Sandbox, control: Call, centra: Call, myogo: Call) -> None:
    centra("/products", limit=1)
    myogo("/Products", "POST", {"code": "A", "languageCode": "en"})
    requests.post(f"{box.token_url}?client_secret={box.credentials.client_secret}", timeout=LONG_S)
    log = control("requests")
    entries = log.json()
    assert [(e["side"], e["method"], e["status"], e["applied"], e["auth"]) for e in entries] == [
        ("myogo", "POST", 200, False, "none"),
        ("centra", "GET", 200, False, "ok"),
        ("myogo", "POST", 200, True, "ok"),
        ("myogo", "POST", 400, False, "none"),
    ]
    assert entries[0]["body"] == {"grant_type": "password", "scope": SCOPES}
    assert entries[2]["body"] == {"code": "A", "languageCode": "en"}
    token = myogo("/Products").request.headers["Authorization"].removeprefix("Bearer ")
    known = box.credentials
    for secret in (known.centra_token, known.client_secret, known.secret_token, known.merchant_id, token):
        assert secret not in log.text
    assert control("requests", "DELETE").json() == []


def test_myogo_products(control: Call, myogo: Call) -> None:
    assert len(control("myogo/products").json()) == 4
    control("myogo/products", "POST", {"code": "OLD-1", "languageCode": "en", "stock": 3})
    control("myogo/products", "POST", [{"code": "OLD-1", "languageCode": "en", "allow_duplicate": True}])
    assert [row["stock"] for row in myogo("/Stock", productCode="OLD-1").json()] == [3, 0]
    control(f"myogo/products/{b64('OLD-1')}", "PATCH", {"eanCode": None, "reserved": 2})
    assert [row["reserved"] for row in myogo("/Stock", productCode="OLD-1").json()] == [2, 2]
    one = myogo("/Products", code="OLD-1").json()[0]["id"]
    control(f"myogo/products/{b64('OLD-1')}?id={one}", "DELETE")
    assert len(myogo("/Products", code="OLD-1").json()) == 1
    control(f"myogo/products/{b64('OLD-1')}", "DELETE")
    assert control(f"myogo/products/{b64('OLD-1')}", "DELETE").status_code == 404
    assert control("myogo/receive", "POST", {"code": "XX-1", "quantity": 4}).json()["stock"] == 4


def test_centra_rows(control: Call, centra: Call) -> None:
    assert control("centra/rows/7001").json()["physical"] == 10
    changed = control("centra/rows/7001", "PATCH", {"prices": "__missing__", "physical": 5}).json()
    assert "prices" not in changed
    first = centra("/products", limit=1).json()["products"][0]
    assert "prices" not in first
    assert control("centra/rows", "POST", {"stockItemId": 1, "sku": "A"}).ok
    assert control("centra/rows", "POST", {"stockItemId": 1}).status_code == 400
    assert control("centra/rows/1", "DELETE").ok
    assert control("centra/rows/1", "DELETE").status_code == 404


def test_reset_restores_the_start(box: Sandbox, control: Call, centra: Call) -> None:
    before = centra("/products").text
    box.change_centra_row(7001, name="Annat")
    box.delete_myogo_product("OLD-1")
    box.switch("centra", sort="desc")
    box.switch("myogo", emit_nulls="no")
    box.add_fault(side="centra", kind="drop", times=-1)
    assert control("reset", "POST").ok
    assert centra("/products").text == before
    assert len(box.myogo_products()) == 4
    assert box.switches("myogo")["emit_nulls"] == "yes"


def test_clock(control: Call, myogo: Call) -> None:
    control("clock", "PUT", {"advance_s": 5401})
    assert myogo("/Products").status_code == 401


@pytest.mark.parametrize("path", ["nothing", "centra", "myogo/nothing", "switches/shop", "_error"])
def test_unknown_control_path(control: Call, path: str) -> None:
    assert control(path).status_code == 404


@pytest.mark.parametrize("side", ["centra", "myogo"])
def test_the_page_names_every_switch_and_no_other(box: Sandbox, side: str) -> None:
    _, centra, myogo = (Path(__file__).parents[2] / "docs/sandbox.md").read_text("utf-8").split("## Switches of ")
    rows = re.findall(r"^\| (`.+?) \|", {"centra": centra, "myogo": myogo}[side], re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(box.switches(side))

"""A fifth flow and a third system that only these tests know: all that the product does for its own, it does for them.

`docs/architecture.md` uses `extension/` as its example of how to add either.
"""

from __future__ import annotations

import hmac
import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from tests.end_to_end.extension.erp import HOOK_SECRET, TOKEN, erp_server
from tests.support import child_process
from tests.support.child_process import SignalAt
from tests.support.listening import TABLE, ListenProcess, listening
from tests.support.shop import Shop, size
from tests.support.waiting import LONG_S, wait_for


@dataclass
class Scenario:
    """A shop whose flow has three valid rows, `keys`, and one that `rule` withholds, `withheld`.

    `held` reads what the target holds by key, `refuse` makes the target refuse one of the keys, `hint` sends a webhook
    that concerns the flow. `rows` is what the flow calls its rows.
    """

    shop: Shop
    flow: str
    keys: tuple[str, str, str]
    withheld: str
    rule: str
    rows: str
    action: str
    held: Callable[[], dict[str, str]]
    expected: dict[str, str]
    refuse: Callable[[str], None]
    hint: Callable[[ListenProcess], requests.Response]
    table: str = TABLE

    @property
    def words(self) -> list[str]:
        return [str(self.shop.file), "--data", str(self.shop.data)]


def _erp_hint(about: str) -> Callable[[ListenProcess], requests.Response]:
    def send(listener: ListenProcess) -> requests.Response:
        body = json.dumps({"about": about}).encode()
        signature = hmac.digest(HOOK_SECRET.encode(), body, "sha256").hex()
        return requests.post(f"{listener.url}/erp", body, headers={"X-Erp-Signature": signature}, timeout=LONG_S)

    return send


def _with_flow(shop: Shop, name: str, reference: str, more: str = "") -> None:
    """The channel file with this flow alone."""
    text = shop.text
    head = text[: text.index("[flows.products")]
    shop.text = f'{head}[flows.{name}]\nflow = "{reference}"\n{more}'
    shop.file.write_text(shop.text, "utf-8")
    (shop.folder / "erp_token").write_text(TOKEN, "utf-8")


def _supplier_codes(shop_of: Callable[..., Shop]) -> Scenario:
    sizes = [size(n, comment=f"77-{n}") for n in (1, 2, 3)]
    held = [{"code": f"SKU{n}"} for n in (1, 2, 3, 4, 9)]
    shop = shop_of(*sizes, size(4, comment="please order more of these in May"), myogo=held)
    _with_flow(
        shop,
        "supplier_codes",
        "tests.end_to_end.extension.supplier_codes:SupplierCodeFlow",
        '[flows.supplier_codes.params]\nprefix = "A"\n',
    )

    def refuse(key: str) -> None:
        shop.box.add_fault(side="myogo", kind="status", status=400, method="PUT", contains=f'"{key}"', times=1000)

    return Scenario(
        shop,
        "supplier_codes",
        ("SKU1", "SKU2", "SKU3"),
        "SKU4",
        "SUPPLIER-001",
        "article numbers",
        "update",
        lambda: {row["code"]: row["supplierCode"] for row in shop.box.myogo_products() if row.get("supplierCode")},
        {f"SKU{n}": f"A77-{n}" for n in (1, 2, 3)},
        refuse,
        lambda listener: listener.centra('{"products": [1]}'),
    )


ERP_TABLE = """
[systems.erp]
system    = "tests.end_to_end.extension.erp:SYSTEM"
base_url  = "URL"
token     = { file = "erp_token" }
backoff_s = 0.001
requests_per_second = 1000
"""
ERP_LISTENS = TABLE + 'erp_secret = { env = "ERP_WEBHOOK_SECRET" }\n'


def _ledger(shop_of: Callable[..., Shop], erp: Any) -> Scenario:
    shop = shop_of(*(size(n, name=f"Parka {n}") for n in (1, 2, 3)), size(4, name=""))
    _with_flow(shop, "ledger", "tests.end_to_end.extension.erp:LedgerFlow", ERP_TABLE.replace("URL", erp.url))
    return Scenario(
        shop,
        "ledger",
        ("SKU1", "SKU2", "SKU3"),
        "SKU4",
        "LEDGER-001",
        "items",
        "create",
        lambda: {number: item["title"] for number, item in erp.items.items()},
        {f"SKU{n}": f"Parka {n}" for n in (1, 2, 3)},
        erp.refuse.add,
        _erp_hint("locked"),
        ERP_LISTENS,
    )


def _assortment(shop_of: Callable[..., Shop], erp: Any) -> Scenario:
    shop = shop_of()
    for n in (1, 2, 3):
        erp.items[f"ITEM{n}"] = {"number": f"ITEM{n}", "title": f"Lamp {n}", "price": f"{n}.50"}
    erp.items["ITEM4"] = {"number": "ITEM4", "title": None, "price": "4"}
    _with_flow(shop, "assortment", "tests.end_to_end.extension.erp:AssortmentFlow", ERP_TABLE.replace("URL", erp.url))

    def refuse(key: str) -> None:
        shop.box.add_fault(side="myogo", kind="status", status=400, method="POST", contains=f'"{key}"', times=1000)

    return Scenario(
        shop,
        "assortment",
        ("ITEM1", "ITEM2", "ITEM3"),
        "ITEM4",
        "ASSORT-001",
        "items",
        "create",
        lambda: {row["code"]: row["name"] for row in shop.box.myogo_products()},
        {f"ITEM{n}": f"Lamp {n}" for n in (1, 2, 3)},
        refuse,
        _erp_hint("item"),
        ERP_LISTENS,
    )


@pytest.fixture(params=["a fifth flow", "a third system to write to", "a third system to read from"])
def scenario(
    request: pytest.FixtureRequest, shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scenario]:
    monkeypatch.setenv("ERP_WEBHOOK_SECRET", HOOK_SECRET)
    if request.param == "a fifth flow":
        yield _supplier_codes(shop_of)
        return
    with erp_server() as erp:
        yield (_ledger if request.param == "a third system to write to" else _assortment)(shop_of, erp)


def counts(scenario: Scenario, document: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = document["flows"][scenario.flow]
    return {name: value for name, value in found.items() if value and name not in ("unmatched", "withheld_new")}


def test_check_asks_the_systems_of_the_flow(scenario: Scenario) -> None:
    document = scenario.shop.json("check")
    assert document["exit_code"] == 0
    assert {one["status"] for one in document["checks"]} <= {"ok", "warning"}
    ends = {"supplier_codes": {"centra", "myogo"}, "ledger": {"centra", "erp"}, "assortment": {"erp", "myogo"}}
    assert ends[scenario.flow] <= {one["system"] for one in document["checks"]}


def test_a_plan_shows_what_would_be_done_and_writes_nothing(scenario: Scenario) -> None:
    document = scenario.shop.json("plan")
    assert document["exit_code"] == 3
    assert counts(scenario, document) == {"read": 4, "withheld": 1, scenario.action: 3}
    assert scenario.held() == {} or (scenario.flow == "assortment" and not scenario.held().keys() & set(scenario.keys))
    shown = scenario.shop.command("plan", *scenario.words).stdout
    assert scenario.rule in shown
    assert document["fingerprint"] in shown


def test_a_push_writes_the_valid_rows_once_and_withholds_the_other(scenario: Scenario) -> None:
    document = scenario.shop.json("push")
    assert counts(scenario, document) == {"read": 4, "withheld": 1, scenario.action: 3, "applied": 3}
    assert document["exit_code"] == 3
    assert scenario.held() == scenario.expected
    assert scenario.shop.sql("select flow, code, rule from sync.withheld") == [
        (scenario.flow, scenario.withheld, scenario.rule)
    ]
    assert counts(scenario, scenario.shop.json("push")) == {"read": 4, "withheld": 1, "unchanged": 3}


def test_a_refused_row_does_not_stop_the_others(scenario: Scenario) -> None:
    refused = scenario.keys[1]
    scenario.refuse(refused)
    document = scenario.shop.json("push")
    assert counts(scenario, document) == {
        "read": 4, "withheld": 1, scenario.action: 3, "applied": 2, "refused": 1,
    }  # fmt: skip
    assert scenario.shop.sql("select key, outcome from sync.journal where outcome <> 'applied'") == [
        (refused, "refused")
    ]
    assert scenario.held().keys() & set(scenario.keys) == set(scenario.keys) - {refused}


def test_every_form_of_the_report_shows_the_flow_in_its_own_words(scenario: Scenario, tmp_path: Path) -> None:
    scenario.refuse(scenario.keys[2])
    scenario.shop.run("push")
    page, lists, summary = tmp_path / "page.html", tmp_path / "lists", tmp_path / "summary.md"
    text = scenario.shop.command(
        "report", *scenario.words, "--html", str(page), "--csv", str(lists), "--markdown", str(summary)
    ).stdout
    document = scenario.shop.json("report")
    for form in (text, summary.read_text("utf-8")):
        assert scenario.rule in form
    for form in (page.read_text("utf-8"), json.dumps(document)):
        assert scenario.rule in form
        assert scenario.withheld in form
        assert scenario.keys[2] in form
    assert f"{scenario.rows} are there" in page.read_text("utf-8")
    written = {path.name: path.read_text("utf-8-sig") for path in lists.rglob("*.csv")}
    assert any(scenario.withheld in content and scenario.rule in content for content in written.values())


def test_history_and_export_know_the_flow(scenario: Scenario, tmp_path: Path) -> None:
    scenario.shop.run("push")
    shown = scenario.shop.command("history", str(scenario.shop.file), scenario.keys[0], *scenario.words[1:]).stdout
    assert f"planned {scenario.action}" in shown
    assert f"{scenario.action} applied" in shown
    withheld = scenario.shop.command("history", str(scenario.shop.file), scenario.withheld, *scenario.words[1:]).stdout
    assert f"opened {scenario.rule}" in withheld
    done = scenario.shop.command("export", *scenario.words, "--parquet", str(tmp_path / "parquet"))
    assert done.exit_code == 0
    [changes] = (tmp_path / "parquet").rglob("*sync.changes.parquet")
    with duckdb.connect() as db:
        assert db.execute(f"select distinct flow from '{changes}'").fetchall() == [(scenario.flow,)]


def test_a_webhook_that_hints_at_the_flow_pushes_it(scenario: Scenario) -> None:
    with listening(scenario.shop, table=scenario.table) as listener:
        assert scenario.hint(listener).status_code == 200
        wait_for(lambda: scenario.held().items() >= scenario.expected.items())
        assert listener.health()["hints"] == {scenario.flow: 1}
        assert listener.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("place", ["journal: after the intent", "journal: before the outcome", "run history: planned"])
def test_a_killed_push_is_finished_by_the_next(scenario: Scenario, place: str, tmp_path: Path) -> None:
    gone = child_process.run(
        "push", *scenario.words, folder=tmp_path, signal_at=SignalAt(place, 1 if "run" in place else 2, signal.SIGKILL)
    )
    assert gone.code == -signal.SIGKILL
    document = scenario.shop.json("push")
    assert document["exit_code"] == 3
    assert scenario.held() == scenario.expected
    assert scenario.shop.sql("select count(*) from sync.journal where ended_at is null or outcome is null") == [(0,)]
    assert counts(scenario, scenario.shop.json("push")) == {"read": 4, "withheld": 1, "unchanged": 3}

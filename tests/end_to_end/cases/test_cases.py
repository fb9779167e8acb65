"""Bad data as files: each row ends in the bucket that its case names. README.md explains how to add a case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.core.json_codec import encode
from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from tests.support.declared import RULES
from tests.support.shop import Shop, catalogue, shop_in
from tests.support.shop_helpers import FOREVER, writes

CASES = Path(__file__).parent / "products"
BODIES = {
    "centra_products": ("centra", "/products"),
    "centra_stock": ("centra", "/stock"),
    "myogo_products": ("myogo", "/api/v1/Products"),
    "myogo_stock": ("myogo", "/api/v1/Stock"),
}
EXPECTATIONS = {case.name: json.loads((case / "expect.json").read_text("utf-8")) for case in sorted(CASES.iterdir())}
ROWS = [name for name, expected in EXPECTATIONS.items() if "rows" in expected]
STOPS = [(name, variant) for name, expected in EXPECTATIONS.items() for variant in expected.get("stops", {})]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox.start(catalogue()) as box:
        yield box


@pytest.fixture
def shop(shared: Sandbox, tmp_path: Path) -> Shop:
    """A new channel that talks to this module's sandbox, which is reset first."""
    shared.reset()
    shared.clear_faults()
    shared.clear_requests()
    return shop_in(shared, tmp_path)


def serve(shop: Shop, body: Path) -> None:
    """Makes the sandbox answer with the file's bytes from now on."""
    side, path = BODIES[body.name.split(".")[0]]
    shop.box.add_fault(
        side=side, path=path, method="GET", kind="status", status=200, body=body.read_text("utf-8"), times=FOREVER
    )


def buckets(shop: Shop, report: RunResult) -> dict[str, str]:
    """Each size's bucket according to the tables; fails if a size is in two buckets or in none."""
    bucket_of: dict[str, str] = {}
    run = report.run_id
    sets = {
        "withheld": shop.sql("select distinct source_id from sync.withheld where run_id = ?", run),
        "create": shop.sql("select source_id from sync.changes where run_id = ? and action = 'create'", run),
        "update": shop.sql("select source_id from sync.changes where run_id = ? and action = 'update'", run),
    }
    changed = {item for name in ("create", "update") for (item,) in sets[name]}
    wanted = {item for (item,) in shop.sql("select stock_item_id from out_myogo.products")}
    assert changed <= wanted
    sets["unchanged"] = [(item,) for item in wanted - changed]
    read = {item for (item,) in shop.sql("select stock_item_id from raw_centra.products")}
    for bucket, items in sets.items():
        assert report.counts[bucket] == len(items), bucket
        for (item,) in items:
            assert item not in bucket_of, f"size {item} is in {bucket_of[item]} and in {bucket}"
            bucket_of[item] = bucket
    skipped = read - bucket_of.keys()
    assert report.counts["skipped"] == len(skipped)
    assert report.counts["read"] == len(read)
    assert set(bucket_of) <= read
    return bucket_of | dict.fromkeys(skipped, "skipped")


def rules(shop: Shop, table: str, run: str | None = None) -> dict[str, set[str]]:
    """The rules reported for each size."""
    rules_of: dict[str, set[str]] = {}
    where = f" where run_id = '{run}'" if run else ""
    for item, rule in shop.sql(f"select source_id, rule from {table}{where}"):
        rules_of.setdefault(item, set()).add(rule)
    return rules_of


def compare_rows(shop: Shop, report: RunResult, rows: dict[str, Any]) -> None:
    """Compares bucket, rules, warnings and message texts of each size."""
    assert report.error_id == "", report.message
    assert buckets(shop, report) == {item: row["bucket"] for item, row in rows.items()}
    withheld = rules(shop, "sync.withheld", report.run_id)
    assert withheld == {item: set(row["rules"]) for item, row in rows.items() if row["bucket"] == "withheld"}
    warned = rules(shop, "out_myogo.warnings")
    for item, row in rows.items():
        warnings = warned.get(item, set())
        if row["bucket"] != "skipped":
            assert warnings - {"EAN-001"} == set(row.get("warnings", [])) - {"EAN-001"}, item
        if "EAN-001" in row.get("warnings", []):
            assert "EAN-001" in warnings, item
        messages = shop.sql("select message from sync.withheld where source_id = ?", item)
        for words in row.get("says", []):
            assert any(words in message for (message,) in messages), f"{words!r} not in {messages}"
    assert report.exit_code == (3 if withheld else 0)


def compare_held(shop: Shop, rows: dict[str, Any], before: set[str]) -> None:
    """Compares myOGO's products: the codes of `before` and the created ones, with the values that the case lists."""
    codes = dict(shop.sql("select stock_item_id, code from out_myogo.products"))
    held = {product["code"]: product for product in shop.box.myogo_products()}
    for item, row in rows.items():
        if row["bucket"] in ("create", "update", "unchanged"):
            product = held[codes[item]]
            wanted = row.get("sent", {})
            actual = {name: product[name] for name in wanted}
            assert {n: str(v) if isinstance(v, Decimal) else v for n, v in actual.items()} == wanted, item
    expected = {codes[item] for item, row in rows.items() if row["bucket"] == "create"}
    assert held.keys() == expected | before


def prepare(shop: Shop, case: Path, bodies: list[Path]) -> None:
    """Serves the bodies, puts `myogo_holds.json` into myOGO and the case's parameters into the channel file."""
    for body in bodies:
        serve(shop, body)
    holds = case / "myogo_holds.json"
    for product in json.loads(holds.read_text("utf-8")) if holds.exists() else []:
        shop.box.put_myogo_product({"languageCode": "en"} | product)
    # Most rows of most cases are invalid on purpose, and myOGO may hold products that no shop has.
    shop.edit("max_update_share = 0.75 ", "max_update_share = 1.0\nmin_known_share = 0.0\nmax_withheld_share = 1.0 ")
    for key, value in EXPECTATIONS[case.name].get("params", {}).items():
        shop.edit("[flows.products.params]\n", f"[flows.products.params]\n{key} = {json.dumps(value)}\n")


def files(case: Path, variant: str = "") -> list[Path]:
    """The answer files of the case, or of one variant of it."""
    paths = [path for path in sorted(case.glob("*.json")) if path.name.split(".")[0] in BODIES]
    return [path for path in paths if path.name.count(".") == 1 or (variant and f".{variant}." in path.name)]


@pytest.mark.parametrize("name", ROWS)
def test_each_row_ends_in_the_bucket_that_the_case_names(shop: Shop, name: str) -> None:
    """A push writes the changes; a second push writes nothing."""
    case, rows = CASES / name, EXPECTATIONS[name]["rows"]
    prepare(shop, case, files(case))
    before = {product["code"] for product in shop.box.myogo_products()}
    read_only = any(path.name.startswith("myogo_products") for path in files(case))
    report = shop.run("plan" if read_only else "push")
    compare_rows(shop, report, rows)
    encode(report.as_json())
    result = shop.command(
        "report", str(shop.file), "--data", str(shop.data), "--html", str(shop.folder / "page.html"),
        "--csv", str(shop.folder / "csv"), "--markdown", str(shop.folder / "summary.md"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    if read_only:
        assert writes(shop) == []
        return
    compare_held(shop, rows, before)
    shop.box.clear_requests()
    again = shop.run("push")
    assert writes(shop) == []
    after_push = {"create": "unchanged", "update": "unchanged"}
    compare_rows(
        shop, again, {i: row | {"bucket": after_push.get(row["bucket"], row["bucket"])} for i, row in rows.items()}
    )


@pytest.mark.parametrize(("name", "variant"), [pytest.param(*stop, id="-".join(stop)) for stop in STOPS])
def test_an_answer_that_breaks_the_contract_stops_the_run_and_is_named(shop: Shop, name: str, variant: str) -> None:
    """Exit code 5, a message that names field and row, a fix, and no write."""
    case, expected = CASES / name, EXPECTATIONS[name]["stops"][variant]
    prepare(shop, case, files(case, variant))
    before = shop.box.myogo_products()
    report = shop.run("push")
    assert (report.exit_code, report.outcome) == (5, expected.get("outcome", "contract")), report.message
    assert [words for words in expected["names"] if words not in report.message] == [], report.message
    assert report.fix
    assert report.message.isprintable()
    assert writes(shop) == []
    assert shop.box.myogo_products() == before
    encode(report.as_json())


def test_a_case_names_only_existing_files_and_rules() -> None:
    """And each variant of a stop has its own body."""
    for name, expected in EXPECTATIONS.items():
        assert expected["why"]
        assert ("rows" in expected) != ("stops" in expected)
        bodies = {path.name for path in (CASES / name).glob("*.json")}
        assert bodies >= {"expect.json"}
        variants = {body.split(".")[1] for body in bodies if body.count(".") == 2}
        assert variants == set(expected.get("stops", {}))
        for row in expected.get("rows", {}).values():
            named = [*row.get("rules", []), *row.get("warnings", [])]
            assert set(named) <= set(RULES)
            assert bool(row.get("rules")) == (row["bucket"] == "withheld")

"""Bad data as files: each row ends in the bucket that its case names. README.md explains how to add a case."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.core.errors import CentraMyogoError
from pipelines.core.json_codec import encode
from pipelines.engine.flow import FlowContext
from pipelines.engine.plan import diff
from pipelines.flows.products import ProductFlow
from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from pipelines.state.staging import clean, extract
from pipelines.state.store import Folder, Store, utc_now
from pipelines.systems.arrow_columns import Findings, table
from pipelines.systems.centra.source import centra
from pipelines.systems.myogo.source import myogo
from schemas.fields.myogo import PRODUCTS
from schemas.products.contract import PRODUCT
from tests.support.declared import RULES
from tests.support.shop import Shop, catalogue, shop_in
from tests.support.shop_helpers import FOREVER, centra_of, myogo_of, writes

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
FIRST_STOPS = [(name, variant) for name, variant in STOPS if variant == next(iter(EXPECTATIONS[name]["stops"]))]


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


BUCKETS = """
    select distinct 'withheld' as bucket, source_id as item from sync.withheld where run_id = $run
    union all select action, source_id from sync.changes where run_id = $run
    union all select 'wanted', stock_item_id from out_myogo.products
    union all select 'read', stock_item_id from raw_centra.products"""


def buckets(shop: Shop, report: RunResult) -> dict[str, str]:
    """Each size's bucket according to the tables; fails if a size is in two buckets or in none."""
    bucket_of: dict[str, str] = {}
    sets: dict[str, list[str]] = {"withheld": [], "create": [], "update": [], "wanted": [], "read": []}
    for bucket, item in shop.sql(BUCKETS.replace("$run", f"'{report.run_id}'")):
        sets[bucket].append(item)
    changed, wanted, read = {*sets["create"], *sets["update"]}, set(sets.pop("wanted")), set(sets.pop("read"))
    assert changed <= wanted
    sets["unchanged"] = [*(wanted - changed)]
    for bucket, items in sets.items():
        assert report.counts[bucket] == len(items), bucket
        for item in items:
            assert item not in bucket_of, f"size {item} is in {bucket_of[item]} and in {bucket}"
            bucket_of[item] = bucket
    skipped = read - bucket_of.keys()
    assert report.counts["skipped"] == len(skipped)
    assert report.counts["read"] == len(read)
    assert set(bucket_of) <= read
    return bucket_of | dict.fromkeys(skipped, "skipped")


def compare_rows(shop: Shop, report: RunResult, rows: dict[str, Any]) -> None:
    """Compares bucket, rules, warnings and message texts of each size."""
    assert report.error_id == "", report.message
    assert buckets(shop, report) == {item: row["bucket"] for item, row in rows.items()}
    withheld: defaultdict[str, set[str]] = defaultdict(set)
    messages: defaultdict[str, list[str]] = defaultdict(list)
    query = "select source_id, rule, message from sync.withheld where run_id = ?"
    for item, rule, message in shop.sql(query, report.run_id):
        withheld[item].add(rule)
        messages[item].append(message)
    warned: defaultdict[str, set[str]] = defaultdict(set)
    for item, rule in shop.sql("select source_id, rule from out_myogo.warnings"):
        warned[item].add(rule)
    assert withheld == {item: set(row["rules"]) for item, row in rows.items() if row["bucket"] == "withheld"}
    for item, row in rows.items():
        if row["bucket"] != "skipped":
            assert warned[item] - {"EAN-001"} == set(row.get("warnings", [])) - {"EAN-001"}, item
        if "EAN-001" in row.get("warnings", []):
            assert "EAN-001" in warned[item], item
        for words in row.get("says", []):
            assert any(words in message for message in messages[item]), f"{words!r} not in {messages[item]}"
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


def plan_again(shop: Shop) -> tuple[dict[str, int], list[str]]:
    """What the next push would do, from the staged rows of Centra and what myOGO holds now, without another run: the
    number of creates, updates and unchanged products, and the withheld sizes."""
    channel = shop.channel()
    with myogo_of(shop) as client:
        products = [row for page in client.pages("/api/v1/Products") for row in page]
    with closing(Store(Folder(shop.data, "demo"), channel.database_schema)) as store:
        store.replace("raw_myogo.products", table(products, PRODUCTS, str, Findings()).to_pandas())
        flow = ProductFlow(FlowContext("products", channel, store, "again"))
        evaluation = flow.evaluate(lambda name: nullcontext())
        plan = diff(evaluation.desired, evaluation.live, PRODUCT)
    counts = {"create": plan.count("create"), "update": plan.count("update"), "unchanged": plan.unchanged}
    return counts, sorted(set(evaluation.withheld["source_id"]))


@pytest.mark.parametrize("name", ROWS)
def test_each_row_ends_in_the_bucket_that_the_case_names(shop: Shop, name: str) -> None:
    """A push writes the changes, and nothing is left to write; in a case with updates, a second push checks that."""
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
    afterwards = after_push(rows)
    if any(row["bucket"] == "update" for row in rows.values()):
        shop.box.clear_requests()
        again = shop.run("push")
        assert writes(shop) == []
        compare_rows(shop, again, afterwards)
        return
    by_bucket = [row["bucket"] for row in afterwards.values()]
    assert plan_again(shop) == (
        {bucket: by_bucket.count(bucket) for bucket in ("create", "update", "unchanged")},
        sorted(item for item, row in rows.items() if row["bucket"] == "withheld"),
    )


def after_push(rows: Mapping[str, Any]) -> dict[str, Any]:
    """The rows with the buckets that the next push must find."""
    moved = {"create": "unchanged", "update": "unchanged"}
    return {item: row | {"bucket": moved.get(row["bucket"], row["bucket"])} for item, row in rows.items()}


def check_stop(report: RunResult, expected: Mapping[str, Any]) -> None:
    """Exit code 5, a message that names field and row, and a fix."""
    assert (report.exit_code, report.outcome) == (5, expected.get("outcome", "contract")), report.message
    assert [words for words in expected["names"] if words not in report.message] == [], report.message
    assert report.fix
    assert report.message.isprintable()
    encode(report.as_json())


def read(shop: Shop, side: str) -> None:
    """Reads one system as a run does."""
    folder = shop.folder / "dlt"
    clean(folder)
    if side == "centra":
        with centra_of(shop) as client:
            extract(lambda: centra(client, Findings()), side, folder)
    else:
        with myogo_of(shop) as target:
            extract(lambda: myogo(target, Findings()), side, folder)


@pytest.mark.parametrize(("name", "variant"), [pytest.param(*stop, id="-".join(stop)) for stop in STOPS])
def test_an_answer_that_breaks_the_contract_stops_the_read_and_is_named(shop: Shop, name: str, variant: str) -> None:
    case = CASES / name
    prepare(shop, case, files(case, variant))
    (body,) = case.glob(f"*.{variant}.json")
    with pytest.raises(CentraMyogoError) as stopped:
        read(shop, BODIES[body.name.split(".")[0]][0])
    report = RunResult("demo", "run", "push", utc_now())
    report.failed(stopped.value)
    check_stop(report, EXPECTATIONS[name]["stops"][variant])


@pytest.mark.parametrize(("name", "variant"), [pytest.param(*stop, id="-".join(stop)) for stop in FIRST_STOPS])
def test_a_read_that_stops_ends_the_run_without_a_write(shop: Shop, name: str, variant: str) -> None:
    """One variant of each case, as a complete push."""
    case = CASES / name
    prepare(shop, case, files(case, variant))
    before = shop.box.myogo_products()
    check_stop(shop.run("push"), EXPECTATIONS[name]["stops"][variant])
    assert writes(shop) == []
    assert shop.box.myogo_products() == before


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

"""Six kinds of bad input that would damage myOGO: each plan is refused, and the suggested fix works."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from tests.support.shop import Shop, catalogue, euro, product, shop_in, size
from tests.support.shop_helpers import held, writes
from tests.support.shop_template import ShopTemplate

COUNT = 20
SIZES = tuple(size(n) for n in range(1, COUNT + 1))
OTHER_PRODUCTS = [{"code": f"OTHER{n}", "name": "Other shop"} for n in range(12)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopTemplate]:
    """Twenty sizes that myOGO holds, after one successful run; the limits have their defaults."""

    def run_once(shop: Shop) -> None:
        report = shop.run("push")
        assert (report.exit_code, report.counts["unchanged"]) == (0, COUNT)

    with Sandbox.start(catalogue(*SIZES, myogo=[product(n) for n in range(1, COUNT + 1)])) as box:
        shop = shop_in(box, tmp_path_factory.mktemp("template"))
        shop.edit("max_update_share = 0.75", "max_update_share = 0.30")
        yield ShopTemplate(shop, run_once)


@pytest.fixture
def shop(template: ShopTemplate, tmp_path: Path) -> Shop:
    return template.copy_to(tmp_path)


@pytest.fixture
def other_shop() -> Iterator[Callable[..., Sandbox]]:
    """`other_shop(size(1), myogo=[...])`: both stand-ins of another shop."""
    boxes: list[Sandbox] = []

    def start(*sizes: dict[str, Any], myogo: list[dict[str, Any]] | None = None) -> Sandbox:
        boxes.append(Sandbox.start(catalogue(*sizes, myogo=myogo or [])))
        return boxes[-1]

    yield start
    for box in boxes:
        box.stop()


def change_all(shop: Shop, **fields: Any) -> None:
    for number in range(1, COUNT + 1):
        shop.box.change_centra_row(number, **fields)


def delete_sizes(shop: Shop, *numbers: int) -> None:
    for number in numbers:
        shop.box.delete_centra_row(number)


def set_limit(shop: Shop, line: str) -> None:
    """Adds a limit to the channel file."""
    shop.edit("[flows.products.limits]\n", f"[flows.products.limits]\n{line}\n")


def check_refused(
    shop: Shop, *keys: str, sent: Callable[[], list[str]] | None = None, verb: str = "push", sku: tuple[str, ...] = ()
) -> RunResult:
    """The run ends with exit code 4, names exactly these limits, sends no write and changes no product."""
    before, sent_before = shop.box.myogo_products(), (sent or (lambda: writes(shop)))()
    report = shop.run(verb, sku=sku)
    assert (report.exit_code, report.outcome) == (4, "refused")
    assert re.findall(r"(?:m(?:in|ax)_\w+)(?= = )", report.message) == list(keys)
    assert report.facts["limits"]
    counts = report.counts
    assert counts["applied"] == 0
    assert counts["not_attempted"] == (counts["create"] + counts["update"] if verb == "push" else 0)
    assert f"set {', '.join(keys)} in [flows.products.limits] of {shop.file}" in report.fix
    assert "--force" in report.fix
    assert (sent or (lambda: writes(shop)))() == sent_before
    assert shop.box.myogo_products() == before
    return report


def push_forced(shop: Shop) -> RunResult:
    """A push with --force completes, and the run history stores that it was forced and which limits it exceeded."""
    report = shop.run("push", force=True)
    assert report.exit_code in (0, 3)
    row = shop.sql("select forced, exit_code, facts->>'limits' from sync.runs order by started_at desc limit 1")
    assert row[0][:2] == (True, report.exit_code)
    assert all(words.partition(" ")[0] in row[0][2] for words in report.facts["limits"])
    assert report.facts["limits"]
    return report


def check_nothing_to_do(shop: Shop, exit_code: int = 0) -> None:
    """One more push has nothing to do and exceeds no limit."""
    before = len(writes(shop))
    report = shop.run("push")
    assert (report.exit_code, report.facts["limits"]) == (exit_code, [])
    assert (report.counts["create"], report.counts["update"], len(writes(shop))) == (0, 0, before)


def test_an_empty_source_is_refused(shop: Shop) -> None:
    """The next run passes once Centra lists its products again. For a closed shop, --force completes and deletes
    nothing; later runs are refused only by the other limits, until the channel file allows an empty source."""
    delete_sizes(shop, *range(1, COUNT + 1))
    report = check_refused(shop, "min_rows", "min_read_share", "min_known_share")
    assert "0 rows were read, 0.0% of the 20 that the last good run read" in report.message
    assert "0 of the 20 products in myOGO" in report.message
    assert "--sku" not in report.fix
    for one in SIZES:
        shop.box.add_centra_row(one)
    check_nothing_to_do(shop)
    delete_sizes(shop, *range(1, COUNT + 1))
    assert push_forced(shop).counts["read"] == 0
    assert len(held(shop)) == COUNT
    check_refused(shop, "min_rows", "min_known_share")
    set_limit(shop, "min_known_share = 0.0")
    shop.edit("min_rows         = 1", "min_rows = 0")
    check_nothing_to_do(shop)


def test_half_of_the_source_is_refused(shop: Shop) -> None:
    """Neither a refused plan nor a failed run lowers the number that later runs are compared with. The
    key that the message names, set to the share that it states, lets the next run pass without --force."""
    delete_sizes(shop, *range(12, COUNT + 1))
    report = check_refused(shop, "min_read_share", verb="plan")
    assert "11 rows were read, 55.0% of the 20 that the last good run read" in report.message
    assert "--sku" not in report.fix
    shop.box.add_fault(side="centra", path="*", kind="status", status=401, times=1)
    assert shop.run("push").exit_code == 2
    assert "of the 20" in check_refused(shop, "min_read_share").message
    set_limit(shop, "min_read_share = 0.55")
    check_nothing_to_do(shop)
    assert len(held(shop)) == COUNT


def test_half_of_the_source_can_be_forced(shop: Shop) -> None:
    """--sku does not narrow what is read. A refused push does not lower the number that later runs are compared with; a
    forced run does."""
    delete_sizes(shop, *range(12, COUNT + 1))
    check_refused(shop, "min_read_share", sku=("SKU1",))
    report = push_forced(shop)
    assert (report.counts["read"], "of the 20" in report.facts["limits"][0]) == (11, True)
    check_nothing_to_do(shop)
    assert len(held(shop)) == COUNT


def test_all_prices_times_a_hundred_are_refused(shop: Shop) -> None:
    """Cents taken for euros: refused by the update share, and by price jumps if many updates are allowed. If the prices
    are right: a few first by --sku, as the message suggests; the others with --force."""
    change_all(shop, prices=[euro("1000.00")])
    report = check_refused(shop, "max_update_share", "max_price_jumps", verb="plan")
    assert "or narrow it with --sku" in report.fix
    shop.edit("max_update_share = 0.30", "max_update_share = 1.0")
    report = check_refused(shop, "max_price_jumps")
    assert "20 of the 20 updates would change the price" in report.message
    assert "'SKU1' 10.00 -> 1000.00" in report.message
    few = shop.run("push", sku=("SKU1", "SKU2"))
    assert (few.exit_code, few.counts["applied"]) == (0, 2)
    assert push_forced(shop).counts["applied"] == COUNT - 2
    assert {product["salesPrice"] for product in held(shop).values()} == {Decimal(1000)}
    check_nothing_to_do(shop)


def test_ten_price_jumps_pass_and_eleven_are_refused(shop: Shop) -> None:
    """A price times six is a jump, a price times five is not."""
    shop.edit("max_update_share = 0.30", "max_update_share = 1.0")
    change_all(shop, prices=[euro("50.00")])
    for number in range(1, 12):
        shop.box.change_centra_row(number, prices=[euro("60.00")])
    assert "11 of the 20 updates" in check_refused(shop, "max_price_jumps").message
    shop.box.change_centra_row(11, prices=[euro("50.00")])
    assert shop.run("push").counts["applied"] == COUNT


def test_all_names_blank_are_refused(shop: Shop) -> None:
    """If internal names replace them, by the update share: myOGO would get the internal name of every product. If not,
    every row is withheld until Centra has names again; --force writes only valid rows, so it writes nothing."""
    change_all(shop, name="")
    assert "20 of the 20 products" in check_refused(shop, "max_update_share").message
    change_all(shop, product=" ")
    report = check_refused(shop, "max_withheld_share")
    assert "20 of the 20 selected rows would be withheld (100.0%)" in report.message
    assert "most by NAME-001 20; for example 'SKU1'" in report.message
    assert "--sku" not in report.fix
    before = held(shop)
    assert push_forced(shop).counts["withheld"] == COUNT
    assert (held(shop), writes(shop)) == (before, [])
    change_all(shop, name="Parka")
    check_nothing_to_do(shop)


def test_half_of_the_rows_withheld_pass_and_more_are_refused(shop: Shop) -> None:
    """--sku narrows the push but not the share of withheld rows."""
    for number in range(1, 12):
        shop.box.change_centra_row(number, name="", product="")
    check_refused(shop, "max_withheld_share", sku=("SKU20",))
    shop.box.change_centra_row(11, name="Parka")
    narrowed = shop.run("push", sku=tuple(f"SKU{number}" for number in range(1, 11)))
    assert (narrowed.exit_code, narrowed.counts["withheld"]) == (3, 10)
    shop.box.change_centra_row(11, name="")
    set_limit(shop, "max_withheld_share = 0.55")
    check_nothing_to_do(shop, exit_code=3)


def test_only_selected_active_rows_count_as_withheld(shop: Shop) -> None:
    """Rows that the channel does not select and inactive rows do not count: here 8, while 12 are selected."""
    for number in range(1, 9):
        shop.box.change_centra_row(number, name="", product="", **({"folder": "No"} if number < 5 else {"active": 0}))
    shop.edit("[flows.products.limits]", '[flows.products.select]\nexclude = ["No"]\n[flows.products.limits]')
    check_nothing_to_do(shop)


def test_the_wrong_merchant_or_source_is_refused(shop: Shop, other_shop: Callable[..., Sandbox]) -> None:
    """Another myOGO holds other codes; another Centra has the same number of sizes, all valid, with other codes. With
    the right addresses the next run passes."""
    other = other_shop(*(size(n, sku=f"THEIRS{n}") for n in range(1, COUNT + 1)), myogo=OTHER_PRODUCTS)
    shop.edit(shop.box.myogo_url, other.myogo_url)

    def sent() -> list[str]:
        paths = [e["path"].lower() for e in other.requests("myogo") if e["method"] not in ("GET", "HEAD")]
        return [path for path in paths if path != "/oauth/token"]

    report = check_refused(shop, "min_known_share", sent=sent)
    assert sent() == []
    assert "0 of the 12 products in myOGO" in report.message
    assert "only in myOGO: 'OTHER0', 'OTHER1', 'OTHER10'" in report.message
    assert "only in Centra: 'SKU1', 'SKU10', 'SKU11'" in report.message
    assert "merchant_id" in report.message
    assert {product["code"] for product in other.myogo_products()} == {one["code"] for one in OTHER_PRODUCTS}
    assert "--sku" not in report.fix
    shop.edit(other.myogo_url, shop.box.myogo_url)
    shop.edit(shop.box.centra_url, other.centra_url)
    # The sizes have the ids of ours, so that they look renamed too.
    report = check_refused(shop, "min_known_share", "max_withheld_share")
    assert "0 of the 20 products in myOGO" in report.message
    assert "only in myOGO: 'SKU1', 'SKU10', 'SKU11'" in report.message
    assert "only in Centra: 'THEIRS1', 'THEIRS10', 'THEIRS11'" in report.message
    assert "both base_url" in report.message
    shop.edit(other.centra_url, shop.box.centra_url)
    check_nothing_to_do(shop)


def test_an_intended_merchant_can_be_forced(shop: Shop, other_shop: Callable[..., Sandbox]) -> None:
    """A myOGO that already holds another shop's products needs --force once; then enough codes are known."""
    other = other_shop(myogo=OTHER_PRODUCTS)
    shop.edit(shop.box.myogo_url, other.myogo_url)
    assert push_forced(shop).counts["applied"] == COUNT
    assert len(other.myogo_products()) == COUNT + len(OTHER_PRODUCTS)
    check_nothing_to_do(shop)


def test_one_known_product_of_ten_passes_and_one_of_eleven_is_refused(shop_of: Callable[..., Shop]) -> None:
    """A code is known if any size has it, also an inactive or a withheld size."""
    shop = shop_of(size(1, active=0), size(2), myogo=[{"code": "SKU1"}, *({"code": f"X{n}"} for n in range(10))])
    assert "1 of the 11 products" in check_refused(shop, "min_known_share").message
    shop.box.delete_myogo_product("X9")
    assert shop.run("push").counts["applied"] == 1
    shop.box.put_myogo_product({"code": "SKU2", "languageCode": "en", "name": "?"}, allow_duplicate=True)
    report = shop.run("push")
    assert (report.exit_code, report.facts["limits"]) == (3, [])


def test_a_refusal_is_reported_in_full_in_every_output(shop: Shop) -> None:
    """On the screen of a plan, as JSON of a push, in the report and on its page: counts, limits and the fix."""
    delete_sizes(shop, *range(1, COUNT + 1))
    screen = shop.command("plan", str(shop.file), "--data", str(shop.data))
    assert screen.exit_code == 4
    error = shop.json("push")["error"]
    assert error["id"] == "LIMIT-001"
    page = shop.folder / "page.html"
    again = shop.command("report", str(shop.file), "--data", str(shop.data), "--html", str(page))
    for text in (screen.stdout, error["message"], again.stdout):
        assert "min_rows = 1" in text
        assert "less than min_read_share = 0.6" in text
        assert "Compare merchant_id and both base_url with those of the right shop" in text
    for text in (screen.stdout, error["fix"], again.stdout):
        assert "set min_rows, min_read_share, min_known_share in [flows.products.limits]" in text
        assert "what is normal for this shop" in text
    html = page.read_text("utf-8")
    assert "less than min_read_share = 0.6" in html
    assert "Compare merchant_id" in html

"""Six kinds of bad input that would damage myOGO: each plan is refused, and the suggested fix works."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from pipelines.sandbox import Sandbox
from pipelines.state.run_result import RunResult
from tests.support.shop import Shop, catalogue, euro, size
from tests.support.shop_helpers import held, writes

COUNT = 20
SIZES = tuple(size(n) for n in range(1, COUNT + 1))
OTHER_PRODUCTS = [{"code": f"OTHER{n}", "name": "Other shop"} for n in range(12)]


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    """Twenty sizes that were pushed once; the limits have their defaults, and the request log is empty."""
    shop = shop_of(*SIZES)
    shop.edit("max_update_share = 0.75", "max_update_share = 0.30")
    assert shop.run("push").counts["applied"] == COUNT
    shop.box.clear_requests()
    return shop


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


def check_refused(shop: Shop, *keys: str, sent: Callable[[], list[str]] | None = None) -> RunResult:
    """Plan and push both end with exit code 4, name exactly these limits, send no write and change no product."""
    before = shop.box.myogo_products()
    for verb in ("plan", "push"):
        report = shop.run(verb)
        assert (report.exit_code, report.outcome) == (4, "refused")
        assert re.findall(r"(?:m(?:in|ax)_\w+)(?= = )", report.message) == list(keys)
        assert report.facts["limits"]
        counts = report.counts
        assert counts["applied"] == 0
        assert counts["not_attempted"] == (counts["create"] + counts["update"] if verb == "push" else 0)
        assert f"set {', '.join(keys)} in [flows.products.limits] of {shop.file}" in report.fix
        assert "--force" in report.fix
    assert (sent or (lambda: writes(shop)))() == []
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
    """The next run passes once Centra lists its products again."""
    delete_sizes(shop, *range(1, COUNT + 1))
    report = check_refused(shop, "min_rows", "min_read_share", "min_known_share")
    assert "0 rows were read, 0.0% of the 20 that the last good run read" in report.message
    assert "0 of the 20 products in the target" in report.message
    assert "--sku" not in report.fix
    for one in SIZES:
        shop.box.add_centra_row(one)
    check_nothing_to_do(shop)


def test_an_intended_empty_source_can_be_forced(shop: Shop) -> None:
    """For a closed shop: --force completes and deletes nothing; later runs are refused only by the other limits."""
    delete_sizes(shop, *range(1, COUNT + 1))
    check_refused(shop, "min_rows", "min_read_share", "min_known_share")
    assert push_forced(shop).counts["read"] == 0
    assert len(held(shop)) == COUNT
    check_refused(shop, "min_rows", "min_known_share")
    set_limit(shop, "min_known_share = 0.0")
    shop.edit("min_rows         = 1", "min_rows = 0")
    check_nothing_to_do(shop)


@pytest.mark.parametrize(("left", "within"), [pytest.param(12, True, id="60%"), pytest.param(11, False, id="55%")])
def test_half_of_the_source_is_refused_below_min_read_share(shop: Shop, left: int, within: bool) -> None:
    """At the limit the push passes; below it, later runs are compared with a forced run."""
    delete_sizes(shop, *range(left + 1, COUNT + 1))
    if not within:
        report = check_refused(shop, "min_read_share")
        assert "11 rows were read, 55.0% of the 20 that the last good run read" in report.message
        assert "--sku" not in report.fix
        assert shop.run("push", sku=("SKU1",)).exit_code == 4
        assert push_forced(shop).counts["read"] == 11
    check_nothing_to_do(shop)
    assert len(held(shop)) == COUNT


def test_half_of_the_source_passes_with_a_lower_limit_in_the_channel_file(shop: Shop) -> None:
    """The key that the message names, set to the share that it states, lets the plan pass without --force."""
    delete_sizes(shop, *range(9, COUNT + 1))
    assert "40.0%" in check_refused(shop, "min_read_share").message
    set_limit(shop, "min_read_share = 0.40")
    check_nothing_to_do(shop)


def test_a_refused_or_failed_run_is_not_the_base_of_the_next_comparison(shop: Shop) -> None:
    """Neither a refused plan nor a refused push lowers the number that later runs are compared with."""
    delete_sizes(shop, *range(9, COUNT + 1))
    for _ in range(2):
        check_refused(shop, "min_read_share")
    shop.box.add_fault(side="centra", path="*", kind="status", status=401, times=1)
    assert shop.run("push").exit_code == 2
    assert "of the 20" in check_refused(shop, "min_read_share").message


def test_all_prices_times_a_hundred_are_refused(shop: Shop) -> None:
    """Cents taken for euros: refused by the update share, and by price jumps if many updates are allowed."""
    change_all(shop, prices=[euro("1000.00")])
    check_refused(shop, "max_update_share", "max_price_jumps")
    shop.edit("max_update_share = 0.30", "max_update_share = 1.0")
    report = check_refused(shop, "max_price_jumps")
    assert "20 of the 20 updates would change the price" in report.message
    assert "'SKU1' 10.00 -> 1000.00" in report.message
    change_all(shop, prices=[euro("10.00")])
    check_nothing_to_do(shop)


def test_intended_prices_times_a_hundred_can_be_forced(shop: Shop) -> None:
    """A few first by --sku, as the message suggests; the others with --force."""
    change_all(shop, prices=[euro("1000.00")])
    assert "or narrow it with --sku" in check_refused(shop, "max_update_share", "max_price_jumps").fix
    few = shop.run("push", sku=("SKU1", "SKU2"))
    assert (few.exit_code, few.counts["applied"]) == (0, 2)
    assert push_forced(shop).counts["applied"] == COUNT - 2
    assert {product["salesPrice"] for product in held(shop).values()} == {Decimal(1000)}
    check_nothing_to_do(shop)


@pytest.mark.parametrize(("jumps", "within"), [pytest.param(10, True, id="ten"), pytest.param(11, False, id="eleven")])
def test_ten_price_jumps_pass_and_eleven_are_refused(shop: Shop, jumps: int, within: bool) -> None:
    """A price times six is a jump, a price times five is not."""
    shop.edit("max_update_share = 0.30", "max_update_share = 1.0")
    for number in range(1, COUNT + 1):
        shop.box.change_centra_row(number, prices=[euro("60.00" if number <= jumps else "50.00")])
    if within:
        assert shop.run("push").counts["applied"] == COUNT
        check_nothing_to_do(shop)
    else:
        assert "11 of the 20 updates" in check_refused(shop, "max_price_jumps").message


def test_all_names_blank_are_refused(shop: Shop) -> None:
    """Every row is withheld until Centra has names again; --force writes only valid rows, so it writes nothing."""
    change_all(shop, name="", product=" ")
    report = check_refused(shop, "max_withheld_share")
    assert "20 of the 20 selected rows would be withheld (100.0%)" in report.message
    assert "most by NAME-001 20; for example 'SKU1'" in report.message
    assert "--sku" not in report.fix
    assert shop.run("push", sku=("SKU1",)).exit_code == 4
    before = held(shop)
    assert push_forced(shop).counts["withheld"] == COUNT
    assert (held(shop), writes(shop)) == (before, [])
    change_all(shop, name="Parka")
    check_nothing_to_do(shop)


def test_blank_names_are_refused_also_if_internal_names_replace_them(shop: Shop) -> None:
    """myOGO would get the internal name of every product, which exceeds the update share."""
    change_all(shop, name="")
    assert "20 of the 20 products" in check_refused(shop, "max_update_share").message
    change_all(shop, name="Parka")
    check_nothing_to_do(shop)


@pytest.mark.parametrize(("blank", "within"), [pytest.param(10, True, id="half"), pytest.param(11, False, id="more")])
def test_half_of_the_rows_withheld_pass_and_more_are_refused(shop: Shop, blank: int, within: bool) -> None:
    """--sku narrows the push but not the share of withheld rows."""
    for number in range(1, blank + 1):
        shop.box.change_centra_row(number, name="", product="")
    if not within:
        check_refused(shop, "max_withheld_share")
        assert shop.run("push", sku=("SKU20",)).exit_code == 4
        set_limit(shop, "max_withheld_share = 0.55")
    narrowed = shop.run("push", sku=tuple(f"SKU{number}" for number in range(1, 11)))
    assert (narrowed.exit_code, narrowed.counts["withheld"]) == (3, 10)
    check_nothing_to_do(shop, exit_code=3)


def test_only_selected_active_rows_count_as_withheld(shop: Shop) -> None:
    """Rows that the channel does not select and inactive rows do not count."""
    for number in range(1, 12):
        shop.box.change_centra_row(number, name="", product="", **({"folder": "No"} if number < 6 else {"active": 0}))
    shop.edit("[flows.products.limits]", '[flows.products.select]\nexclude = ["No"]\n[flows.products.limits]')
    check_nothing_to_do(shop)


def test_the_wrong_merchant_is_refused(shop: Shop, other_shop: Callable[..., Sandbox]) -> None:
    """Its myOGO holds other codes; with the right address the next run passes."""
    other = other_shop(myogo=OTHER_PRODUCTS)
    shop.edit(shop.box.myogo_url, other.myogo_url)

    def sent() -> list[str]:
        paths = [e["path"].lower() for e in other.requests("myogo") if e["method"] not in ("GET", "HEAD")]
        return [path for path in paths if path != "/oauth/token"]

    report = check_refused(shop, "min_known_share", sent=sent)
    assert "0 of the 12 products in the target" in report.message
    assert "only in the target: 'OTHER0', 'OTHER1', 'OTHER10'" in report.message
    assert "only in the source: 'SKU1', 'SKU10', 'SKU11'" in report.message
    assert "merchant_id" in report.message
    assert {product["code"] for product in other.myogo_products()} == {one["code"] for one in OTHER_PRODUCTS}
    assert "--sku" not in report.fix
    shop.edit(other.myogo_url, shop.box.myogo_url)
    check_nothing_to_do(shop)


def test_an_intended_merchant_can_be_forced(shop: Shop, other_shop: Callable[..., Sandbox]) -> None:
    """A myOGO that already holds another shop's products needs --force once; then enough codes are known."""
    other = other_shop(myogo=OTHER_PRODUCTS)
    shop.edit(shop.box.myogo_url, other.myogo_url)
    check_refused(shop, "min_known_share", sent=list)
    assert push_forced(shop).counts["applied"] == COUNT
    assert len(other.myogo_products()) == COUNT + len(OTHER_PRODUCTS)
    check_nothing_to_do(shop)


@pytest.mark.parametrize(
    ("foreign", "within"), [pytest.param(9, True, id="1 of 10"), pytest.param(10, False, id="1 of 11")]
)
def test_one_known_product_of_ten_passes_and_one_of_eleven_is_refused(
    shop_of: Callable[..., Shop], foreign: int, within: bool
) -> None:
    """A code is known if any size has it, also an inactive or a withheld size."""
    others = [{"code": f"X{n}"} for n in range(foreign)]
    shop = shop_of(size(1, active=0), size(2), myogo=[{"code": "SKU1"}, *others])
    if within:
        assert shop.run("push").counts["applied"] == 1
    else:
        assert "1 of the 11 products" in check_refused(shop, "min_known_share").message
        set_limit(shop, "min_known_share = 0.09")
        assert shop.run("push").counts["applied"] == 1
        shop.box.put_myogo_product({"code": "SKU2", "languageCode": "en", "name": "?"}, allow_duplicate=True)
        assert (shop.run("push").exit_code, shop.run("push").facts["limits"]) == (3, [])


def test_a_source_that_answers_for_another_shop_is_refused(shop: Shop, other_shop: Callable[..., Sandbox]) -> None:
    """The same number of sizes, all valid, with other codes."""
    other = other_shop(*(size(n, sku=f"THEIRS{n}") for n in range(1, COUNT + 1)))
    shop.edit(shop.box.centra_url, other.centra_url)
    report = check_refused(shop, "min_known_share")
    assert "0 of the 20 products in the target" in report.message
    assert "only in the target: 'SKU1', 'SKU10', 'SKU11'" in report.message
    assert "only in the source: 'THEIRS1', 'THEIRS10', 'THEIRS11'" in report.message
    assert "both base_url" in report.message
    shop.edit(other.centra_url, shop.box.centra_url)
    check_nothing_to_do(shop)


def test_a_refusal_is_reported_in_full_in_every_output(shop: Shop) -> None:
    """On the screen, as JSON, in the report and on its page: counts, limits and the fix."""
    delete_sizes(shop, *range(1, COUNT + 1))
    screen = shop.command("push", str(shop.file), "--data", str(shop.data))
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

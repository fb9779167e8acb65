"""Six ways to ruin a myOGO with a run that does what it was told: each is refused, and the way on works."""

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

MANY = 20
SIZES = tuple(size(n) for n in range(1, MANY + 1))
FOREIGN = [{"code": f"OTHER{n}", "name": "Somebody else's"} for n in range(12)]


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    """Twenty sizes that were pushed once; the limits are at their defaults, and the log is empty."""
    shop = shop_of(*SIZES)
    shop.edit("max_update_share = 0.75", "max_update_share = 0.30")
    assert shop.run("push").counts["applied"] == MANY
    shop.box.clear_requests()
    return shop


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Sandbox]]:
    """`elsewhere(size(1), myogo=[...])`: both stand-ins of another shop."""
    boxes: list[Sandbox] = []

    def start(*sizes: dict[str, Any], myogo: list[dict[str, Any]] | None = None) -> Sandbox:
        boxes.append(Sandbox.start(catalogue(*sizes, myogo=myogo or [])))
        return boxes[-1]

    yield start
    for box in boxes:
        box.stop()


def change_all(shop: Shop, **fields: Any) -> None:
    for number in range(1, MANY + 1):
        shop.box.change_centra_row(number, **fields)


def gone(shop: Shop, *numbers: int) -> None:
    for number in numbers:
        shop.box.delete_centra_row(number)


def limit(shop: Shop, line: str) -> None:
    """Writes one more limit into the channel file."""
    shop.edit("[flows.products.limits]\n", f"[flows.products.limits]\n{line}\n")


def refused(shop: Shop, *keys: str, sent: Callable[[], list[str]] | None = None) -> RunResult:
    """Plan and push both end with exit 4, name exactly these limits, send no write and change no product."""
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


def forced(shop: Shop) -> RunResult:
    """A push with --force goes through, and the books say that it was forced and past what."""
    report = shop.run("push", force=True)
    assert report.exit_code in (0, 3)
    row = shop.sql("select forced, exit_code, facts->>'limits' from sync.runs order by started_at desc limit 1")
    assert row[0][:2] == (True, report.exit_code)
    assert all(words.partition(" ")[0] in row[0][2] for words in report.facts["limits"])
    assert report.facts["limits"]
    return report


def quiet(shop: Shop, exit_code: int = 0) -> None:
    """One more push has nothing to do and nothing to say."""
    before = len(writes(shop))
    report = shop.run("push")
    assert (report.exit_code, report.facts["limits"]) == (exit_code, [])
    assert (report.counts["create"], report.counts["update"], len(writes(shop))) == (0, 0, before)


def test_an_empty_source(shop: Shop) -> None:
    """And it comes back by itself once Centra lists its products again."""
    gone(shop, *range(1, MANY + 1))
    report = refused(shop, "min_rows", "min_read_share", "min_known_share")
    assert "0 rows were read, 0.0% of the 20 that the last good run read" in report.message
    assert "0 of the 20 products in the target" in report.message
    assert "--sku" not in report.fix
    for one in SIZES:
        shop.box.add_centra_row(one)
    quiet(shop)


def test_an_empty_source_that_is_meant(shop: Shop) -> None:
    """A closed shop: --force goes through and deletes nothing; from then on only the limits that still hold speak."""
    gone(shop, *range(1, MANY + 1))
    refused(shop, "min_rows", "min_read_share", "min_known_share")
    assert forced(shop).counts["read"] == 0
    assert len(held(shop)) == MANY
    refused(shop, "min_rows", "min_known_share")
    limit(shop, "min_known_share = 0.0")
    shop.edit("min_rows         = 1", "min_rows = 0")
    quiet(shop)


@pytest.mark.parametrize(("left", "within"), [pytest.param(12, True, id="60%"), pytest.param(11, False, id="55%")])
def test_half_the_source(shop: Shop, left: int, within: bool) -> None:
    """At the edge it goes through; beyond it, --force makes a new normal."""
    gone(shop, *range(left + 1, MANY + 1))
    if not within:
        report = refused(shop, "min_read_share")
        assert "11 rows were read, 55.0% of the 20 that the last good run read" in report.message
        assert "--sku" not in report.fix
        assert shop.run("push", sku=("SKU1",)).exit_code == 4
        assert forced(shop).counts["read"] == 11
    quiet(shop)
    assert len(held(shop)) == MANY


def test_half_the_source_by_the_channel_file(shop: Shop) -> None:
    """The key that the message names, set to what it says was read, lets the plan through without --force."""
    gone(shop, *range(9, MANY + 1))
    assert "40.0%" in refused(shop, "min_read_share").message
    limit(shop, "min_read_share = 0.40")
    quiet(shop)


def test_a_refused_or_failed_run_is_not_what_the_next_is_compared_with(shop: Shop) -> None:
    """Nor does a plan that went through loosen anything that a push would not have."""
    gone(shop, *range(9, MANY + 1))
    for _ in range(2):
        refused(shop, "min_read_share")
    shop.box.add_fault(side="centra", path="*", kind="status", status=401, times=1)
    assert shop.run("push").exit_code == 2
    assert "of the 20" in refused(shop, "min_read_share").message


def test_all_prices_times_a_hundred(shop: Shop) -> None:
    """Cents taken for euros: caught as updates, and as jumps where updates of everything are usual."""
    change_all(shop, prices=[euro("1000.00")])
    refused(shop, "max_update_share", "max_price_jumps")
    shop.edit("max_update_share = 0.30", "max_update_share = 1.0")
    report = refused(shop, "max_price_jumps")
    assert "20 of the 20 updates would change the price" in report.message
    assert "'SKU1' 10.00 -> 1000.00" in report.message
    change_all(shop, prices=[euro("10.00")])
    quiet(shop)


def test_all_prices_times_a_hundred_that_are_meant(shop: Shop) -> None:
    """A first few by --sku, as the message offers; the rest with --force."""
    change_all(shop, prices=[euro("1000.00")])
    assert "or narrow it with --sku" in refused(shop, "max_update_share", "max_price_jumps").fix
    few = shop.run("push", sku=("SKU1", "SKU2"))
    assert (few.exit_code, few.counts["applied"]) == (0, 2)
    assert forced(shop).counts["applied"] == MANY - 2
    assert {product["salesPrice"] for product in held(shop).values()} == {Decimal(1000)}
    quiet(shop)


@pytest.mark.parametrize(("jumps", "within"), [pytest.param(10, True, id="ten"), pytest.param(11, False, id="eleven")])
def test_price_jumps_at_the_edge(shop: Shop, jumps: int, within: bool) -> None:
    """Ten prices times six are within; those times five are no jumps."""
    shop.edit("max_update_share = 0.30", "max_update_share = 1.0")
    for number in range(1, MANY + 1):
        shop.box.change_centra_row(number, prices=[euro("60.00" if number <= jumps else "50.00")])
    if within:
        assert shop.run("push").counts["applied"] == MANY
        quiet(shop)
    else:
        assert "11 of the 20 updates" in refused(shop, "max_price_jumps").message


def test_all_names_blank(shop: Shop) -> None:
    """Every row is withheld; it stands so until Centra has names again, and --force writes what is fit, nothing."""
    change_all(shop, name="", product=" ")
    report = refused(shop, "max_withheld_share")
    assert "20 of the 20 selected rows would be withheld (100.0%)" in report.message
    assert "most by NAME-001 20; for example 'SKU1'" in report.message
    assert "--sku" not in report.fix
    assert shop.run("push", sku=("SKU1",)).exit_code == 4
    before = held(shop)
    assert forced(shop).counts["withheld"] == MANY
    assert (held(shop), writes(shop)) == (before, [])
    change_all(shop, name="Parka")
    quiet(shop)


def test_names_blank_where_the_product_still_has_one(shop: Shop) -> None:
    """Then myOGO would get the product's internal name everywhere, which is more updates than usual."""
    change_all(shop, name="")
    assert "20 of the 20 products" in refused(shop, "max_update_share").message
    change_all(shop, name="Parka")
    quiet(shop)


@pytest.mark.parametrize(("blank", "within"), [pytest.param(10, True, id="half"), pytest.param(11, False, id="more")])
def test_withheld_rows_at_the_edge(shop: Shop, blank: int, within: bool) -> None:
    """--sku narrows what is pushed, not what is judged: neither into refusal nor out of it."""
    for number in range(1, blank + 1):
        shop.box.change_centra_row(number, name="", product="")
    if not within:
        refused(shop, "max_withheld_share")
        assert shop.run("push", sku=("SKU20",)).exit_code == 4
        limit(shop, "max_withheld_share = 0.55")
    narrowed = shop.run("push", sku=tuple(f"SKU{number}" for number in range(1, 11)))
    assert (narrowed.exit_code, narrowed.counts["withheld"]) == (3, 10)
    quiet(shop, exit_code=3)


def test_only_wanted_rows_count_as_withheld(shop: Shop) -> None:
    """Not those that the channel does not select, or that are switched off."""
    for number in range(1, 12):
        shop.box.change_centra_row(number, name="", product="", **({"folder": "No"} if number < 6 else {"active": 0}))
    shop.edit("[flows.products.limits]", '[flows.products.select]\nexclude = ["No"]\n[flows.products.limits]')
    quiet(shop)


def test_the_wrong_merchant(shop: Shop, elsewhere: Callable[..., Sandbox]) -> None:
    """Its myOGO holds other codes; the right address again, and all is as before."""
    other = elsewhere(myogo=FOREIGN)
    shop.edit(shop.box.myogo_url, other.myogo_url)

    def sent() -> list[str]:
        paths = [e["path"].lower() for e in other.requests("myogo") if e["method"] not in ("GET", "HEAD")]
        return [path for path in paths if path != "/oauth/token"]

    report = refused(shop, "min_known_share", sent=sent)
    assert "0 of the 12 products in the target" in report.message
    assert "only in the target: 'OTHER0', 'OTHER1', 'OTHER10'" in report.message
    assert "only in the source: 'SKU1', 'SKU10', 'SKU11'" in report.message
    assert "merchant_id" in report.message
    assert {product["code"] for product in other.myogo_products()} == {one["code"] for one in FOREIGN}
    assert "--sku" not in report.fix
    shop.edit(other.myogo_url, shop.box.myogo_url)
    quiet(shop)


def test_a_merchant_that_is_meant(shop: Shop, elsewhere: Callable[..., Sandbox]) -> None:
    """A myOGO that already holds another shop's products: --force once, and then enough of them are known."""
    other = elsewhere(myogo=FOREIGN)
    shop.edit(shop.box.myogo_url, other.myogo_url)
    refused(shop, "min_known_share", sent=list)
    assert forced(shop).counts["applied"] == MANY
    assert len(other.myogo_products()) == MANY + len(FOREIGN)
    quiet(shop)


@pytest.mark.parametrize(
    ("foreign", "within"), [pytest.param(9, True, id="1 of 10"), pytest.param(10, False, id="1 of 11")]
)
def test_known_products_at_the_edge(shop_of: Callable[..., Shop], foreign: int, within: bool) -> None:
    """A code counts as known when any size makes it, also one that is switched off and one that is withheld."""
    theirs = [{"code": f"X{n}"} for n in range(foreign)]
    shop = shop_of(size(1, active=0), size(2), myogo=[{"code": "SKU1"}, *theirs])
    if within:
        assert shop.run("push").counts["applied"] == 1
    else:
        assert "1 of the 11 products" in refused(shop, "min_known_share").message
        limit(shop, "min_known_share = 0.09")
        assert shop.run("push").counts["applied"] == 1
        shop.box.put_myogo_product({"code": "SKU2", "languageCode": "en", "name": "?"}, allow_duplicate=True)
        assert (shop.run("push").exit_code, shop.run("push").facts["limits"]) == (3, [])


def test_a_stand_in_that_answers_for_another_shop(shop: Shop, elsewhere: Callable[..., Sandbox]) -> None:
    """As many sizes as ever, each of them fit, and not one of ours."""
    other = elsewhere(*(size(n, sku=f"THEIRS{n}") for n in range(1, MANY + 1)))
    shop.edit(shop.box.centra_url, other.centra_url)
    report = refused(shop, "min_known_share")
    assert "0 of the 20 products in the target" in report.message
    assert "only in the target: 'SKU1', 'SKU10', 'SKU11'" in report.message
    assert "only in the source: 'THEIRS1', 'THEIRS10', 'THEIRS11'" in report.message
    assert "both base_url" in report.message
    shop.edit(other.centra_url, shop.box.centra_url)
    quiet(shop)


def test_a_refusal_is_told_in_full_everywhere(shop: Shop) -> None:
    """On the screen, as JSON, in the report and on its page: counts, limits and the way on."""
    gone(shop, *range(1, MANY + 1))
    shown = shop.command("push", str(shop.file), "--data", str(shop.data))
    assert shown.exit_code == 4
    error = shop.json("push")["error"]
    assert error["id"] == "LIMIT-001"
    page = shop.folder / "page.html"
    again = shop.command("report", str(shop.file), "--data", str(shop.data), "--html", str(page))
    for told in (shown.stdout, error["message"], again.stdout):
        assert "min_rows = 1" in told
        assert "less than min_read_share = 0.6" in told
        assert "Compare merchant_id and both base_url with the shop that is meant" in told
    for told in (shown.stdout, error["fix"], again.stdout):
        assert "set min_rows, min_read_share, min_known_share in [flows.products.limits]" in told
        assert "what is normal for this shop" in told
    html = page.read_text("utf-8")
    assert "less than min_read_share = 0.6" in html
    assert "Compare merchant_id" in html

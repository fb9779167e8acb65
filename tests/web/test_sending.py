"""What the page of a plan says, and what a second press, a limit or a part that is kept back does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.served import Visitor, served_pages, text_of
from tests.support.shop import Shop, euro, product, size
from tests.web.test_pages import project_of

MANY = range(1, 31)


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    """Thirty products, of which three differ."""
    return shop_of(
        *(size(number, prices=[euro("10.00")]) for number in MANY),
        size(31, prices=[]),
        myogo=[product(number, salesPrice=12.0 if number < 4 else 10.0) for number in MANY],
    )


@pytest.fixture
def visitor(shop: Shop) -> Iterator[Visitor]:
    with served_pages(project_of(shop), shop.data) as found:
        found.get("/")
        found.ended(found.post("/channels/demo/refresh"))
        yield found


def planned(visitor: Visitor, **fields: object) -> tuple[str, str, str]:
    """The page of a plan of the products, its address and its fingerprint."""
    page = visitor.ended(visitor.post("/channels/demo/flows/products/plan", fields))
    found = re.search(r'action="([^"]+)/apply".*?name="fingerprint" value="([^"]+)"', page)
    assert found, page
    return page, found[1], found[2]


def test_a_second_press_leads_to_the_push_that_the_first_one_requested(visitor: Visitor, shop: Shop) -> None:
    """Also in another browser: it does not end as a plan that has changed."""
    _, job, fingerprint = planned(visitor, choice="ticked", code=["SKU1"])
    first = visitor.post(f"{job}/apply", {"fingerprint": fingerprint})
    second = visitor.ended(visitor.post(f"{job}/apply", {"fingerprint": fingerprint}))
    assert text_of(visitor.ended(first)) == text_of(second)
    assert "1 written" in text_of(second)
    assert shop.sql("select count(*) from sync.runs where verb = 'push'") == [(1,)]
    again = visitor.get(job)
    assert "This plan was sent" in text_of(again)
    assert "Send exactly" not in again


def test_a_push_that_failed_can_be_sent_again(visitor: Visitor, shop: Shop) -> None:
    _, job, fingerprint = planned(visitor, choice="ticked", code=["SKU1"])
    shop.box.switch("centra", allow={"products": False})
    assert "exit 2" in text_of(visitor.ended(visitor.post(f"{job}/apply", {"fingerprint": fingerprint})))
    shop.box.switch("centra", allow={"products": True})
    assert "1 written" in text_of(visitor.ended(visitor.post(f"{job}/apply", {"fingerprint": fingerprint})))


@pytest.mark.parametrize(("fields", "heading"), [({}, "Plan of products"), ({"text": "sku"}, "3 codes")])
def test_all_without_a_filter_is_the_plan_of_the_flow(visitor: Visitor, fields: dict[str, str], heading: str) -> None:
    """Its limits then count all rows, and its report does not list thousands of codes."""
    page, _, _ = planned(visitor, choice="all", **fields)
    assert heading in text_of(page)
    assert (", 3 codes" in text_of(page)) == bool(fields)


def test_the_headline_does_not_say_that_there_is_nothing_to_fix_if_there_is(visitor: Visitor) -> None:
    page, _, _ = planned(visitor, choice="all")
    assert "1 withheld, 0 new." in text_of(page)
    page, _, _ = planned(visitor, choice="ticked", code=["SKU1"])
    assert "Planned. Nothing to fix among the selected codes." in text_of(page)


def test_changes_have_the_names_that_the_rows_have(visitor: Visitor) -> None:
    page, _, _ = planned(visitor, choice="ticked", code=["SKU1"])
    assert "price 12.00 10.00" in text_of(page)
    assert "sales price" not in text_of(page)


def test_a_plan_beyond_a_limit_leads_to_the_settings(visitor: Visitor, shop: Shop) -> None:
    file = shop.folder / "project" / "channels" / "demo.toml"
    file.write_text(re.sub("max_updates += [0-9]+", "max_updates = 1", file.read_text("utf-8")), "utf-8")
    page = visitor.ended(visitor.post("/channels/demo/flows/products/plan", {"choice": "all"}))
    assert "max_updates = 1" in text_of(page)
    assert 'keys are under <a href="/channels/demo/settings">' in page

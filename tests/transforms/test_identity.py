"""Under which code myOGO holds each size."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from schemas.products.identity_issues import identity_issues
from tests.support.frames import held, plain_list, products
from tests.support.shop import size
from transforms.identity import identities
from transforms.sku import code_in_myogo

Row = dict[str, Any]
EAN, EAN_2 = "7350000000016", "7350000000023"


def found(
    sizes: list[Row], links: dict[int, str], myogo: list[Row], accepted: tuple[str, ...] = ()
) -> list[tuple[Any, ...]]:
    """`renamed_from`, `taken_from` and `ean_held_as` of each size."""
    frame = products(*sizes)
    keys = pd.Series({str(source_id): key for source_id, key in links.items()}, dtype="str")
    result = identities(frame, keys, held(*myogo), frame["active"], accepted)
    assert list(result.index) == list(frame.index)
    return list(zip(*(plain_list(result[column]) for column in result.columns[:3]), strict=True))


def messages(sizes: list[Row], links: dict[int, str], myogo: list[Row]) -> list[tuple[int, str, str]]:
    """Row, rule and message of each issue."""
    frame, live = products(*sizes), held(*myogo)
    keys = pd.Series({str(source_id): key for source_id, key in links.items()}, dtype="str")
    issues = identity_issues(frame, identities(frame, keys, live, frame["active"], ()), live)
    return list(zip(issues["row"], issues["rule"], issues["message"], strict=True))


NOTHING = (None, None, None)


@pytest.mark.parametrize(("old", "new"), [("OLD-1", "NEW-1"), ("0123", "123"), ("JKT100-S", "JKT100-s")])
def test_a_size_whose_code_changed_is_renamed(old: str, new: str) -> None:
    assert found([size(1, sku=new)], {1: old}, [{"code": old}]) == [(old, None, None)]
    assert found([size(1, sku=new)], {1: old}, [{"code": old}, {"code": new}]) == [(old, None, None)]


def test_a_size_is_not_renamed_if_myogo_has_the_old_code_no_more() -> None:
    """It was renamed in myOGO too, or deleted there."""
    assert found([size(1, sku="NEW")], {1: "OLD"}, [{"code": "NEW"}]) == [NOTHING]
    assert found([size(1, sku="NEW")], {1: "OLD"}, []) == [NOTHING]


@pytest.mark.parametrize("pattern", ["NEW", "N*", "*"])
def test_an_accepted_code_is_a_new_product(pattern: str) -> None:
    sizes = [size(1, sku="NEW", ean=EAN), size(2, sku="SECOND", ean=EAN_2)]
    myogo = [{"code": "OLD"}, {"code": "OTHER", "eanCode": EAN_2}]
    assert found(sizes, {1: "OLD"}, myogo) == [("OLD", None, None), (None, None, "OTHER")]
    assert found(sizes, {1: "OLD"}, myogo, (pattern, "SECOND")) == [NOTHING, NOTHING]
    assert found(sizes, {1: "OLD"}, myogo, ("OLD", "new")) == [("OLD", None, None), (None, None, "OTHER")]


def test_a_size_that_is_not_sold_may_give_its_code_away() -> None:
    """A product that was archived under another code, and a new one with its code."""
    sizes = [size(1, sku="OLD-archived", active=0), size(2, sku="OLD")]
    assert found(sizes, {1: "OLD"}, [{"code": "OLD"}]) == [NOTHING, NOTHING]


def test_two_sizes_that_exchange_their_codes_are_both_renamed() -> None:
    sizes, links, myogo = [size(1, sku="B"), size(2, sku="A")], {1: "A", 2: "B"}, [{"code": "A"}, {"code": "B"}]
    assert found(sizes, links, myogo) == [("A", "2", None), ("B", "1", None)]
    assert [(row, rule) for row, rule, _ in messages(sizes, links, myogo)] == [(0, "SKU-005"), (1, "SKU-005")]


def test_a_size_with_the_code_that_another_was_pushed_under_is_named() -> None:
    """Unless myOGO's EAN shows that the goods under the code are those of this size."""
    sizes, links = [size(1, sku="NEW"), size(2, sku="OLD", ean=EAN)], {1: "OLD"}
    assert found(sizes, links, [{"code": "OLD"}]) == [("OLD", None, None), (None, "1", None)]
    assert found(sizes, links, [{"code": "OLD", "eanCode": EAN_2}]) == [("OLD", None, None), (None, "1", None)]
    assert found(sizes, links, [{"code": "OLD", "eanCode": EAN}]) == [("OLD", None, None), NOTHING]


@pytest.mark.parametrize(
    ("ean", "in_myogo"), [(EAN, EAN), ("012345678905", "0012345678905"), ("0012345678905", "012345678905")]
)
def test_the_ean_of_a_new_product_may_be_in_myogo_under_a_code_that_no_size_has(ean: str, in_myogo: str) -> None:
    assert found([size(1, sku="NEW", ean=ean)], {}, [{"code": "OLD", "eanCode": in_myogo}]) == [(None, None, "OLD")]


def test_an_ean_that_two_sizes_share_is_not_held_under_another_code() -> None:
    """Whether the other size is sold or not, in myOGO under its code or still under its old one."""
    sizes = [size(1, sku="A", ean=EAN), size(2, sku="B", ean=EAN)]
    myogo = [{"code": "A", "eanCode": EAN}]
    assert found(sizes, {}, myogo) == [NOTHING, NOTHING]
    assert found([size(1, sku="A", active=0), sizes[1]], {}, myogo) == [NOTHING, NOTHING]
    assert found([size(1, sku="NEW", ean=EAN), sizes[1]], {1: "A"}, myogo) == [("A", None, None), NOTHING]


def test_the_ean_of_a_product_that_myogo_has_is_of_no_interest() -> None:
    myogo = [{"code": "A", "eanCode": EAN}, {"code": "OTHER", "eanCode": EAN}]
    assert found([size(1, sku="A", ean=EAN)], {}, myogo) == [NOTHING]


def test_messages_name_both_codes_and_what_myogo_has_under_the_old_one() -> None:
    assert messages([size(1, sku="NEW-1")], {1: "OLD-1"}, [{"code": "OLD-1", "stock": 5}]) == [
        (0, "SKU-005", "The size was sent to myOGO as 'OLD-1', and its code is now 'NEW-1'. "
         "myOGO has 5 in stock under 'OLD-1'.")
    ]  # fmt: skip
    both = [{"code": "OLD-1", "stock": 5}, {"code": "NEW-1"}]
    assert messages([size(1, sku="NEW-1")], {1: "OLD-1"}, both)[0][2].endswith(
        "myOGO has 5 in stock under 'OLD-1' and an unknown amount under 'NEW-1'."
    )
    assert messages([size(1, sku="NEW"), size(7, sku="OLD")], {1: "OLD"}, [{"code": "OLD", "stock": 2}])[1] == (
        1, "SKU-005", "Size 1 was sent to myOGO as 'OLD', and its code is now 'NEW'. "
        "myOGO has 2 in stock under 'OLD': goods of that size, not of this one.",
    )  # fmt: skip
    assert messages([size(3, sku="C", ean=EAN)], {}, [{"code": "X", "stock": 4, "eanCode": EAN}]) == [
        (0, "EAN-005", f"'C' is not in myOGO, but its EAN '{EAN}' is: myOGO has 4 in stock under 'X', "
         "a code that no size of Centra has.")
    ]  # fmt: skip


def test_a_size_without_a_code_breaks_no_rule_about_identity() -> None:
    """SKU-001 reports it."""
    assert messages([size(1, sku="", ean=EAN)], {1: "OLD"}, [{"code": "OLD", "eanCode": EAN}]) == []


def test_a_code_that_myogo_has_twice_proves_nothing() -> None:
    """Its products may have different EANs."""
    sizes, links = [size(1, sku="NEW"), size(2, sku="OLD", ean=EAN)], {1: "OLD"}
    for eans in ((EAN, EAN_2), (EAN, None), (EAN, EAN)):
        myogo = [{"code": "OLD", "eanCode": ean} for ean in eans]
        assert found(sizes, links, myogo) == [("OLD", None, None), (None, "1", None)]


def test_of_two_codes_with_the_ean_of_a_new_product_the_first_is_named() -> None:
    myogo = [{"code": "OLD", "eanCode": EAN}, {"code": "OLDER", "eanCode": EAN}]
    assert found([size(1, sku="NEW", ean=EAN)], {}, myogo) == [(None, None, "OLD")]


def test_the_ean_of_a_size_without_a_code_is_of_no_interest() -> None:
    assert found([size(1, sku="", ean=EAN)], {}, [{"code": "OLD", "eanCode": EAN}]) == [NOTHING]


Kept = tuple[list[str], dict[int, str], list[str], list[tuple[Any, Any, Any]]]
# Codes in Centra, links, codes in myOGO; of each size what it was renamed from, taken from and which old code is lost.
KEPT: dict[str, Kept] = {
    "in use": (["NEW"], {1: "OLD"}, ["OLD"], [NOTHING]),
    "not in use yet": (["NEW"], {}, ["OLD"], [NOTHING]),
    "another size got the old code": (["NEW", "OLD"], {1: "OLD"}, ["OLD"], [NOTHING, (None, "1", None)]),
    "two sizes were sent under the old code": (
        ["NEW", "OLD", "OLD"], {1: "OLD", 2: "OLD"}, ["OLD"], [NOTHING, NOTHING, NOTHING]),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_a_size_that_keeps_its_old_code_is_not_renamed(case: str) -> None:
    """`kept` has given the first size its old code already."""
    skus, links, myogo, expected = KEPT[case]
    assert kept_found(skus, {"NEW": "OLD"}, links, myogo, renamed=True) == expected


@pytest.mark.parametrize(
    ("sku", "myogo", "lost"),
    [("NEW", [], "OLD"), ("NEW", ["NEW"], None), ("OTHER", [], None), ("SAME", [], None)],
    ids=["neither", "the new one", "not kept", "kept as itself"],
)
def test_an_old_code_is_lost_if_myogo_holds_neither(sku: str, myogo: list[str], lost: str | None) -> None:
    """As if somebody deleted the product there."""
    kept = {"NEW": "OLD", "SAME": "SAME"}
    assert kept_found([sku], kept, {}, myogo, renamed=False) == [(None, None, lost)]


def kept_found(
    skus: list[str], kept: dict[str, str], links: dict[int, str], myogo: list[str], renamed: bool
) -> list[tuple[Any, ...]]:
    """`renamed_from`, `taken_from` and `lost_code` of sizes with these codes in Centra."""
    frame = products(*(size(n, sku=sku) for n, sku in enumerate(skus, start=1)))
    frame = frame.assign(code_in_centra=frame["code"], code=code_in_myogo(frame["code"], kept if renamed else {}))
    keys = pd.Series({str(source_id): key for source_id, key in links.items()}, dtype="str")
    result = identities(frame, keys, held(*({"code": code} for code in myogo)), frame["active"], (), kept)
    names = ("renamed_from", "taken_from", "lost_code")
    return list(zip(*(plain_list(result[name]) for name in names), strict=True))

"""One exam for every target: what a push may rely on, whatever it writes to."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from pipelines.core.errors import RemoteSystemError, TargetRefused, TargetUnknown
from pipelines.systems.myogo.client import MyOgoClient
from pipelines.systems.myogo.product_target import ProductTarget
from pipelines.systems.target import Target
from tests.support.shop import Shop


class TargetExam(ABC):
    """A target passes by subclassing this with a fixture `target` and four ways of looking behind the scenes.

    `product` is a whole one, `changed` one of its columns with another value.
    """

    product: ClassVar[dict[str, Any]]
    changed: ClassVar[dict[str, Any]]

    @abstractmethod
    def holds(self, key: str) -> list[dict[str, Any]]:
        """What the other side holds under the key, in our columns."""

    @abstractmethod
    def lose_the_next_answer(self) -> None:
        """The next write is served, and its answer never comes."""

    @abstractmethod
    def refuse_the_next(self) -> None:
        """The next write is turned down for good."""

    @abstractmethod
    def go_away(self) -> None:
        """Nothing is answered any more."""

    def test_a_create_makes_one_with_all_its_values(self, target: Target) -> None:
        assert target.create("K", self.product | {"code": "K"}) == ""
        assert [self.product.items() <= found.items() for found in self.holds("K")] == [True]

    def test_an_update_changes_what_it_names_and_nothing_else(self, target: Target) -> None:
        target.create("K", self.product | {"code": "K"})
        (before,) = self.holds("K")
        assert target.update("K", self.changed) == ""
        (after,) = self.holds("K")
        assert after == before | self.changed

    def test_an_update_may_be_repeated(self, target: Target) -> None:
        target.create("K", self.product | {"code": "K"})
        target.update("K", self.changed)
        once = self.holds("K")
        target.update("K", self.changed)
        assert self.holds("K") == once

    def test_creating_twice_makes_one(self, target: Target) -> None:
        """The second is told as done or as refused, as long as there is one."""
        target.create("K", self.product | {"code": "K"})
        with contextlib.suppress(TargetRefused):
            target.create("K", self.product | {"code": "K"})
        assert len(self.holds("K")) == 1

    def test_creating_what_is_there_otherwise_is_refused_and_overwrites_nothing(self, target: Target) -> None:
        target.create("K", self.product | {"code": "K"})
        before = self.holds("K")
        with pytest.raises(TargetRefused):
            target.create("K", self.product | self.changed | {"code": "K"})
        assert self.holds("K") == before

    def test_a_refusal_says_why_and_changes_nothing(self, target: Target) -> None:
        self.refuse_the_next()
        with pytest.raises(TargetRefused) as caught:
            target.create("K", self.product | {"code": "K"})
        assert caught.value.message
        assert self.holds("K") == []
        assert target.create("L", self.product | {"code": "L"}) == ""

    def test_updating_what_is_not_there_is_refused(self, target: Target) -> None:
        with pytest.raises(TargetRefused):
            target.update("K", self.changed)
        assert self.holds("K") == []

    @pytest.mark.parametrize("action", ["create", "update"])
    def test_a_lost_answer_is_found_out(self, target: Target, action: str) -> None:
        """It counts as done, and it is done once."""
        if action == "update":
            target.create("K", self.product | {"code": "K"})
        self.lose_the_next_answer()
        if action == "create":
            target.create("K", self.product | {"code": "K"})
        else:
            target.update("K", self.changed)
        (found,) = self.holds("K")
        assert found.items() >= (self.product if action == "create" else self.changed).items()

    @pytest.mark.parametrize("action", ["create", "update"])
    def test_a_target_that_went_away_is_told_as_such(self, target: Target, action: str) -> None:
        target.create("K", self.product | {"code": "K"})
        self.go_away()
        with pytest.raises((RemoteSystemError, TargetUnknown)) as caught:
            target.create("L", self.product | {"code": "L"}) if action == "create" else target.update("K", self.changed)
        assert isinstance(caught.value, RemoteSystemError)
        assert caught.value.exit_code == 5


class TestMyOgoProducts(TargetExam):
    """Held against both ways in which myOGO may turn down a code it has; what it would do is not documented."""

    product: ClassVar = {
        "name": "Parka", "sales_price": Decimal("49.90"), "language_code": "en", "ean_code": "7312345678901",
    }  # fmt: skip
    changed: ClassVar = {"name": "Parka II"}

    @pytest.fixture(autouse=True, params=[400, 409])
    def _sandbox(self, shop_of: Callable[..., Shop], request: pytest.FixtureRequest) -> None:
        self.shop = shop_of()
        self.shop.box.switch("myogo", duplicate_post=request.param)

    @pytest.fixture
    def target(self) -> Iterator[Target]:
        with closing(MyOgoClient(self.shop.channel().systems["myogo"])) as client:
            yield ProductTarget({"myogo": client})

    def holds(self, key: str) -> list[dict[str, Any]]:
        names = {"name": "name", "sales_price": "salesPrice", "language_code": "languageCode", "ean_code": "eanCode"}
        rows = [row for row in self.shop.box.myogo_products() if row["code"] == key]
        return [{ours: row[theirs] for ours, theirs in names.items()} for row in rows]

    def lose_the_next_answer(self) -> None:
        for method in ("POST", "PUT"):
            self.shop.box.add_fault(side="myogo", kind="drop_after", method=method, path="/Products")

    def refuse_the_next(self) -> None:
        self.shop.box.add_fault(side="myogo", kind="status", status=400, method="POST", path="/Products")

    def go_away(self) -> None:
        self.shop.box.add_fault(side="myogo", kind="status", status=503, times=10**6)

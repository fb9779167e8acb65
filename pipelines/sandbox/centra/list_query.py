"""The query of Centra's two product listings: which rows, and which page of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pipelines.sandbox.centra.product_rows import Item
from pipelines.sandbox.common.switches import CentraSwitches

Test = Callable[[Item], bool]
MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")


class BadQuery(ValueError):
    """A parameter with a value that Centra cannot read."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Query:
    """A limit of 0 means the complete catalogue; a row must pass all `tests`."""

    limit: int
    page: int
    attributes: bool
    physical: bool
    tests: tuple[Test, ...]

    @classmethod
    def of(cls, params: Mapping[str, str], switches: CentraSwitches) -> "Query":
        """The query; BadQuery if a number or a date cannot be read."""
        limit = count(params, "limit", default=0)
        if switches.max_limit and limit > switches.max_limit:
            if switches.limit_over_max == "no":
                raise BadQuery("limit")
            limit = switches.max_limit
        return cls(
            limit=limit,
            page=count(params, "page", default=1),
            attributes=params.get("include") == "attributes",
            physical=params.get("exclude") != "physicalStock",
            tests=tuple(_tests(params, switches)),
        )

    def matching(self, items: list[Item]) -> list[Item]:
        """The rows that pass every test; the list itself when there are no tests."""
        return [item for item in items if all(test(item) for test in self.tests)] if self.tests else items


def _tests(params: Mapping[str, str], switches: CentraSwitches) -> list[Test]:
    tests: list[Test] = []
    for name, value in params.items():
        # Centra's products page spells stockItemID, its stock page stockItemId.
        if name in ("stockItemID", "stockItemId"):
            tests.append(_equals(value, lambda item: str(item.stock_item_id)))
        elif name == "ean":
            tests.append(_equals(value, lambda item: item.ean))
        elif name in ("sku", "productId", "variantId"):
            tests.append(_equals(value, partial(_field, name)))
        elif name in ("modified", "stock_modified", "created"):
            since = moment(name, value, switches)
            if since is not None:
                tests.append(_since(name, since, switches.modified_inclusive))
    return tests


def _equals(value: str, read: Callable[[Item], object]) -> Test:
    return lambda item: read(item) == value


def _field(name: str, item: Item) -> str:
    return str(item.variant.fields.get(name))


def _since(name: str, since: str, inclusive: bool) -> Test:
    def moment_of(item: Item) -> str:
        if name == "created":
            return str(item.variant.fields.get("createdAt"))
        return item.modified if name == "modified" else item.stock_modified

    return lambda item: moment_of(item) > since or (inclusive and moment_of(item) == since)


def moment(name: str, value: str, switches: CentraSwitches) -> str | None:
    """The moment with its time of day; for an unreadable one None or BadQuery, as the switch `invalid_date` sets."""
    text = value if len(value) > 10 else f"{value} 00:00:00"
    if MOMENT.fullmatch(value):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text
    if switches.invalid_date == "ignore":
        return None
    raise BadQuery(name)


def count(params: Mapping[str, str], name: str, default: int, minimum: int = 1) -> int:
    """The parameter as a number; BadQuery if it cannot be read or is below the minimum."""
    text = params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < minimum:
        raise BadQuery(name)
    return int(text)

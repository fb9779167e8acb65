"""What whole batches are expected to be like: one suite per table, declared as data for Great Expectations.

Only what no single row can show. Whether a row is fit stands in `product`, whether acting is sane in the limits.
Great Expectations is imported by the builders only: it takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LEAST_OF_USUAL, MOST_OF_USUAL = 0.5, 2

_GTIN_SHAPE = r"^(?:[0-9]{8}|[0-9]{12,14})$"
# ISO 639-1 as one pattern: a set of so many values is copied by Great Expectations at every step.
_LANGUAGE = (
    "^(?:"
    "aa|ab|ae|af|ak|am|an|ar|as|av|ay|az|ba|be|bg|bh|bi|bm|bn|bo|br|bs|ca|ce|ch|co|cr|cs|cu|cv|cy|da|de|dv|dz|"
    "ee|el|en|eo|es|et|eu|fa|ff|fi|fj|fo|fr|fy|ga|gd|gl|gn|gu|gv|ha|he|hi|ho|hr|ht|hu|hy|hz|ia|id|ie|ig|ii|ik|"
    "io|is|it|iu|ja|jv|ka|kg|ki|kj|kk|kl|km|kn|ko|kr|ks|ku|kv|kw|ky|la|lb|lg|li|ln|lo|lt|lu|lv|mg|mh|mi|mk|ml|"
    "mn|mr|ms|mt|my|na|nb|nd|ne|ng|nl|nn|no|nr|nv|ny|oc|oj|om|or|os|pa|pi|pl|ps|pt|qu|rm|rn|ro|ru|rw|sa|sc|sd|"
    "se|sg|si|sk|sl|sm|sn|so|sq|sr|ss|st|su|sv|sw|ta|te|tg|th|ti|tk|tl|tn|to|tr|ts|tt|tw|ty|ug|uk|ur|uz|ve|vi|"
    "vo|wa|wo|xh|yi|yo|za|zh|zu"
    ")$"
)


@dataclass(frozen=True)
class Known:
    """What a batch is measured against: `usual_rows` by expectation, none where there is no run to compare with."""

    usual_rows: Mapping[str, float] = field(default_factory=dict)


Builder = Callable[["Expectation", Known], Any]


@dataclass(frozen=True)
class Expectation:
    """`meaning` completes "it is expected that"; `column` is of the table's frame, "" for the table as a whole."""

    id: str
    table: str
    column: str
    meaning: str
    fix: str
    build: Builder

    def built(self, known: Known) -> Any:
        """The expectation as Great Expectations knows it."""
        return self.build(self, known)


def _gx() -> Any:
    from great_expectations import expectations

    return expectations


def _usual_rows(least: float = LEAST_OF_USUAL, most: float | None = MOST_OF_USUAL) -> Builder:
    def build(own: Expectation, known: Known) -> Any:
        usual = known.usual_rows.get(own.id)
        if not usual:  # nothing to compare with, or nothing there till now
            return _gx().ExpectTableRowCountToBeBetween(min_value=0)
        return _gx().ExpectTableRowCountToBeBetween(
            min_value=math.ceil(least * usual), max_value=None if most is None else math.floor(most * usual)
        )

    return build


def _unique(mostly: float = 1) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToBeUnique(column=own.column, mostly=mostly)


def _filled(mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToNotBeNull(column=own.column, mostly=mostly)


def _one_of(values: list[str], mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToBeInSet(column=own.column, value_set=values, mostly=mostly)


def _shaped(pattern: str, mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToMatchRegex(column=own.column, regex=pattern, mostly=mostly)


def _between(least: float | None, most: float | None, mostly: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnValuesToBeBetween(
        column=own.column, min_value=least, max_value=most, mostly=mostly
    )


def _smallest(least: float, most: float) -> Builder:
    return lambda own, _: _gx().ExpectColumnMinToBeBetween(column=own.column, min_value=least, max_value=most)


_ROWS = "the number of rows is half to twice that of the last runs (median)"
_ROWS_OR_MORE = "the number of rows is at least half that of the last runs (median); we add rows there ourselves"
_ROWS_FIX = "Find out what appeared or vanished in {}. If it is right, a push with --force makes it the new normal."
_EAN = "of the EANs, at least 90% are 8, 12, 13 or 14 digits"
_BALANCE = "in at least 99% of the rows, physical stock is allocated plus available (or available is cut off at zero)"


def _catalogue(*expectations: Expectation) -> dict[str, Expectation]:
    return {expectation.id: expectation for expectation in expectations}


EXPECTATIONS = _catalogue(
    Expectation("GX-CPR-001", "raw_centra.products", "", _ROWS, _ROWS_FIX.format("Centra"), _usual_rows()),
    Expectation(
        "GX-CPR-002",
        "raw_centra.products",
        "stock_item_id",
        "each stockItemId occurs once",
        "Please report this: rows that Centra repeats are dropped when they are read.",
        _unique(),
    ),
    Expectation(
        "GX-CPR-003",
        "raw_centra.products",
        "code",
        "at least 95% of the sizes have a combined code of their own",
        "In Centra, look for products copied together with their SKUs, or for a SKU field emptied by an import.",
        _unique(0.95),
    ),
    Expectation(
        "GX-CPR-004",
        "raw_centra.products",
        "ean",
        _EAN,
        "In Centra, look for an import that took zeros off the EANs or filled the field with something else.",
        _shaped(_GTIN_SHAPE, 0.9),
    ),
    Expectation(
        "GX-CPR-005",
        "raw_centra.products",
        "weight_unit",
        "weights are in kg or lb, the units that Centra documents",
        "Ask Centra what the new unit means before weights are used.",
        _one_of(["kg", "lb"], 1),
    ),
    Expectation("GX-CPC-001", "raw_centra.prices", "", _ROWS, _ROWS_FIX.format("Centra"), _usual_rows()),
    Expectation(
        "GX-CPC-002",
        "raw_centra.prices",
        "currency",
        "at least 99% of the price entries name a currency by three capital letters",
        "In Centra, look at the price lists' currencies.",
        _shaped("^[A-Z]{3}$", 0.99),
    ),
    Expectation("GX-CST-001", "raw_centra.stock", "", _ROWS, _ROWS_FIX.format("Centra"), _usual_rows()),
    Expectation(
        "GX-CST-002",
        "raw_centra.stock",
        "stock_item_id",
        "each stockItemId occurs once",
        "Please report this: rows that Centra repeats are dropped when they are read.",
        _unique(),
    ),
    Expectation(
        "GX-CST-003",
        "raw_centra.stock",
        "physical_stock",
        "physical stock is not negative in at least 99% of the rows",
        "In Centra, correct the stock of those sizes.",
        _between(0, None, 0.99),
    ),
    Expectation(
        "GX-CST-004",
        "raw_centra.stock",
        "imbalance",
        _BALANCE,
        "Ask Centra's support: its own numbers do not add up.",
        _between(0, 0, 0.99),
    ),
    Expectation(
        "GX-MPR-001", "raw_myogo.products", "", _ROWS_OR_MORE, _ROWS_FIX.format("myOGO"), _usual_rows(most=None)
    ),
    Expectation(
        "GX-MPR-002",
        "raw_myogo.products",
        "code",
        "at least 99% of myOGO's products have a code of their own",
        "In myOGO, merge or rename the duplicates (OGOship's support can do it).",
        _unique(0.99),
    ),
    Expectation(
        "GX-MPR-003",
        "raw_myogo.products",
        "ean_code",
        _EAN,
        "In myOGO, look at the EANs; only OGOship's support can change them.",
        _shaped(_GTIN_SHAPE, 0.9),
    ),
    Expectation(
        "GX-MPR-004",
        "raw_myogo.products",
        "language_code",
        "at least 99% of the languages are ISO 639-1 codes",
        "In myOGO, look for another program that writes products.",
        _shaped(_LANGUAGE, 0.99),
    ),
    Expectation("GX-MST-001", "raw_myogo.stock", "", _ROWS_OR_MORE, _ROWS_FIX.format("myOGO"), _usual_rows(most=None)),
    Expectation(
        "GX-MST-002",
        "raw_myogo.stock",
        "product_code",
        "at least 99% of the stock rows have a code of their own",
        "In myOGO, merge or rename the duplicates (OGOship's support can do it).",
        _unique(0.99),
    ),
    Expectation(
        "GX-MST-003",
        "raw_myogo.stock",
        "stock",
        "stock is not negative in at least 99% of the rows",
        "Ask OGOship's support to count those products.",
        _between(0, None, 0.99),
    ),
    Expectation(
        "GX-MST-004",
        "raw_myogo.stock",
        "imbalance",
        _BALANCE,
        "Ask OGOship's support: its own numbers do not add up.",
        _between(0, 0, 0.99),
    ),
    Expectation(
        "GX-MST-005",
        "raw_myogo.stock",
        "modified_hours_ago",
        "myOGO's newest stock change is at most 7 days old (and not in the future by more than a day)",
        "If goods did move, ask OGOship whether its stock is still being updated.",
        _smallest(-24, 7 * 24),
    ),
    Expectation(
        "GX-RUN-001",
        "sync.runs",
        "good_hours_ago",
        "the last good run is at most 3 days old",
        "See why the runs between did not go through, and whether the scheduler still starts them.",
        _smallest(0, 3 * 24),
    ),
    Expectation(
        "GX-EUR-001",
        "candidates",
        "price",
        "at least 90% of the wanted sizes have a usable price in the channel's currency",
        "In Centra, look at the price list of that currency; in the channel file, at currency and pricelist_id.",
        _filled(0.9),
    ),
    Expectation(
        "GX-OUT-001",
        "out_myogo.products",
        "",
        _ROWS,
        _ROWS_FIX.format("Centra or among the withheld rows"),
        _usual_rows(),
    ),
    Expectation(
        "GX-OUT-002",
        "out_myogo.products",
        "code",
        "each outgoing code occurs once",
        "Please report this: sizes that share a code are withheld.",
        _unique(),
    ),
    Expectation(
        "GX-OUT-003",
        "out_myogo.products",
        "stock_item_id",
        "each size goes out once",
        "Please report this.",
        _unique(),
    ),
    Expectation(
        "GX-OUT-004",
        "out_myogo.products",
        "ean_code",
        _EAN,
        "In Centra, look for an import that took zeros off the EANs or filled the field with something else.",
        _shaped(_GTIN_SHAPE, 0.9),
    ),
    Expectation(
        "GX-OUT-005",
        "out_myogo.products",
        "language_code",
        "every language is an ISO 639-1 code",
        "In the channel file, correct language or language_by_store.",
        _shaped(_LANGUAGE, 1),
    ),
    Expectation(
        "GX-AGR-001",
        "stock_side_by_side",
        "difference",
        "of the codes that both sides stock, at least 90% have the same available stock",
        "Look at the largest differences (view v_stock_side_by_side) and ask which side is behind.",
        _between(0, 0, 0.9),
    ),
)


def suites() -> dict[str, list[Expectation]]:
    """The expectations of each table, in the catalogue's order."""
    told: dict[str, list[Expectation]] = {}
    for expectation in EXPECTATIONS.values():
        told.setdefault(expectation.table, []).append(expectation)
    return told

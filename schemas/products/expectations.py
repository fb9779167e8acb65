"""The batch expectations of the products flow: one suite per table."""

from __future__ import annotations

from schemas.expectation import Expectation, Suite, between, filled, one_of, shaped, smallest, unique, usual_rows
from schemas.fields.centra import CODE_SQL

_GTIN_SHAPE = r"^(?:[0-9]{8}|[0-9]{12,14})$"
# ISO 639-1 as one pattern, because Great Expectations would copy a set of this size at every step.
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


_ROWS = "the number of rows is half to twice that of the last runs (median)"
_ROWS_OR_MORE = "the number of rows is at least half that of the last runs (median); we add rows there ourselves"
_ROWS_FIX = "Find out what appeared or vanished in {}. If it is correct, a push with --force makes it the new normal."
_COPIES_FIX = (
    "If it stays, compare the plugin's Additional stores in Centra: a size of two stores is listed twice. If it was so "
    "only once, the list moved while it was read."
)
_EAN = "of the EANs, at least 90% are 8, 12, 13 or 14 digits"
_BALANCE = "in at least 99% of the rows, physical stock is allocated plus available (or available is cut off at zero)"
_CODE = f"nullif({CODE_SQL}, '')"
# A time without a zone is UTC, according to OGOship's older documentation.
_MODIFIED = r"""epoch(try_cast(case when regexp_matches(modified, '(Z|[+-]\d\d:?\d\d)$') then modified
    else modified || 'Z' end as timestamptz))"""


SUITES = (
    Suite(
        "raw_centra.products",
        f"""
        select stock_item_id, {_CODE} as code, trim(coalesce(nullif(ean, ''), nullif(upc, ''))) as ean,
            nullif(weight_unit, '') as weight_unit
        from raw_centra.products
        union all select unnest(repeat([stock_item_id], copies::int - 1)), null, null, null
        from raw_centra.products where copies > 1""",
        (
            Expectation("GX-CPR-001", "", _ROWS, _ROWS_FIX.format("Centra"), usual_rows()),
            Expectation(
                "GX-CPR-002",
                "stock_item_id",
                "each stockItemId occurs once",
                _COPIES_FIX,
                unique(),
            ),
            Expectation(
                "GX-CPR-003",
                "code",
                "at least 95% of the sizes have a unique combined code",
                "In Centra, look for products copied with their SKUs, or for a SKU field cleared by an import.",
                unique(0.95),
            ),
            Expectation(
                "GX-CPR-004",
                "ean",
                _EAN,
                "In Centra, look for an import that removed zeros from the EANs or filled the field with other values.",
                shaped(_GTIN_SHAPE, 0.9),
            ),
            Expectation(
                "GX-CPR-005",
                "weight_unit",
                "weights are in kg or lb, the units that Centra documents",
                "Find out from Centra what the new unit means before weights are used.",
                one_of(["kg", "lb"], 1),
            ),
        ),
    ),
    Suite(
        "raw_centra.prices",
        "select coalesce(currency, '') as currency from raw_centra.prices",
        (
            Expectation("GX-CPC-001", "", _ROWS, _ROWS_FIX.format("Centra"), usual_rows()),
            Expectation(
                "GX-CPC-002",
                "currency",
                "at least 99% of the price entries name a currency by three capital letters",
                "In Centra, look at the price lists' currencies.",
                shaped("^[A-Z]{3}$", 0.99),
            ),
        ),
    ),
    Suite(
        "raw_centra.stock",
        """
        select stock_item_id, physical_stock, case when available_stock = 0 and physical_stock < allocated_stock then 0
            else physical_stock - allocated_stock - available_stock end as imbalance
        from raw_centra.stock
        union all select unnest(repeat([stock_item_id], copies::int - 1)), null, null from raw_centra.stock
        where copies > 1""",
        (
            Expectation("GX-CST-001", "", _ROWS, _ROWS_FIX.format("Centra"), usual_rows()),
            Expectation(
                "GX-CST-002",
                "stock_item_id",
                "each stockItemId occurs once",
                _COPIES_FIX,
                unique(),
            ),
            Expectation(
                "GX-CST-003",
                "physical_stock",
                "physical stock is not negative in at least 99% of the rows",
                "In Centra, correct the stock of those sizes.",
                between(0, None, 0.99),
            ),
            Expectation(
                "GX-CST-004",
                "imbalance",
                _BALANCE,
                "Report it to Centra's support: its numbers do not add up.",
                between(0, 0, 0.99),
            ),
        ),
    ),
    Suite(
        "raw_myogo.products",
        """
        select code, nullif(trim(ean_code), '') as ean_code, nullif(lower(language_code), '') as language_code,
            cast(code in (select product_code from raw_myogo.stock) as integer) as stock_rows
        from raw_myogo.products""",
        (
            Expectation("GX-MPR-001", "", _ROWS_OR_MORE, _ROWS_FIX.format("myOGO"), usual_rows(max_share=None)),
            Expectation(
                "GX-MPR-002",
                "code",
                "at least 99% of myOGO's products have a unique code",
                "In myOGO, merge or rename the duplicates (OGOship's support can do it).",
                unique(0.99),
            ),
            Expectation(
                "GX-MPR-003",
                "ean_code",
                _EAN,
                "In myOGO, look at the EANs; only OGOship's support can change them.",
                shaped(_GTIN_SHAPE, 0.9),
            ),
            Expectation(
                "GX-MPR-004",
                "language_code",
                "at least 99% of the languages are ISO 639-1 codes",
                "In myOGO, look for another program that writes products.",
                shaped(_LANGUAGE, 0.99),
            ),
            Expectation(
                "GX-MPR-005",
                "stock_rows",
                "at least 90% of myOGO's products have a row in its stock list",
                "Ask OGOship's support which products the list leaves out; their amounts come from the products.",
                between(1, 1, 0.9),
            ),
        ),
    ),
    Suite(
        "raw_myogo.stock",
        f"""
        select product_code, stock, case when stock_available = 0 and stock < reserved then 0
            else stock - reserved - stock_available end as imbalance,
            (epoch($now::timestamp) - {_MODIFIED}) / 3600 as modified_hours_ago
        from raw_myogo.stock""",
        (
            Expectation("GX-MST-001", "", _ROWS_OR_MORE, _ROWS_FIX.format("myOGO"), usual_rows(max_share=None)),
            Expectation(
                "GX-MST-002",
                "product_code",
                "at least 99% of the stock rows have a unique code",
                "In myOGO, merge or rename the duplicates (OGOship's support can do it).",
                unique(0.99),
            ),
            Expectation(
                "GX-MST-003",
                "stock",
                "stock is not negative in at least 99% of the rows",
                "Have OGOship's support count those products.",
                between(0, None, 0.99),
            ),
            Expectation(
                "GX-MST-004",
                "imbalance",
                _BALANCE,
                "Report it to OGOship's support: its numbers do not add up.",
                between(0, 0, 0.99),
            ),
            Expectation(
                "GX-MST-005",
                "modified_hours_ago",
                "myOGO's newest stock change is at most 7 days old (and not in the future by more than a day)",
                "If goods did move, check with OGOship that its stock is still being updated.",
                smallest(-24, 7 * 24),
            ),
        ),
    ),
    Suite(
        "sync.runs",
        """
        select (epoch($now::timestamp) - epoch(max(started_at))) / 3600 as good_hours_ago
        from sync.runs where exit_code in (0, 3) having max(started_at) is not null""",
        (
            Expectation(
                "GX-RUN-001",
                "good_hours_ago",
                "the last good run is at most 3 days old",
                "Find out why the later runs failed, and whether the scheduler still starts them.",
                smallest(0, 3 * 24),
            ),
        ),
    ),
    Suite(
        "candidates",
        "",
        (
            Expectation(
                "GX-EUR-001",
                "price",
                "at least 90% of the selected sizes have a usable price in the channel's currency",
                "In Centra, check that currency's price list; in the channel file, check currency and pricelist_id.",
                filled(0.9),
            ),
        ),
    ),
    Suite(
        "out_myogo.products",
        "select code, stock_item_id, ean_code, language_code from out_myogo.products",
        (
            Expectation(
                "GX-OUT-001",
                "",
                _ROWS,
                _ROWS_FIX.format("Centra or among the withheld rows"),
                usual_rows(),
            ),
            Expectation(
                "GX-OUT-002",
                "code",
                "each outgoing code occurs once",
                "Please report this: sizes that share a code are withheld.",
                unique(),
            ),
            Expectation(
                "GX-OUT-003",
                "stock_item_id",
                "each size is sent once",
                "Please report this.",
                unique(),
            ),
            Expectation(
                "GX-OUT-004",
                "ean_code",
                _EAN,
                "In Centra, look for an import that removed zeros from the EANs or filled the field with other values.",
                shaped(_GTIN_SHAPE, 0.9),
            ),
            Expectation(
                "GX-OUT-005",
                "language_code",
                "every language is an ISO 639-1 code",
                "In the channel file, correct language or language_by_store.",
                shaped(_LANGUAGE, 1),
            ),
        ),
        per_selection=True,
    ),
    Suite(
        "stock_side_by_side",
        f"""
        -- DuckDB can put groups on the disk, but joins of a million codes would need more memory than a run has.
        with sizes as (
            select any_value(code) as code, sum(available) as in_centra, sum(physical) as physical
            from (
                select stock_item_id, {_CODE} as code, null as available, null as physical, 0 as stock_rows
                from raw_centra.products
                union all select stock_item_id, null, available_stock, physical_stock, 1 from raw_centra.stock)
            group by stock_item_id having sum(stock_rows) > 0),
        codes as (
            select sum(in_centra) as in_centra, sum(physical) as physical, sum(in_myogo) as in_myogo,
                sum(stock) as stock
            from (
                select code, in_centra, physical, null as in_myogo, null as stock, true as is_centra from sizes
                union all select product_code, null, null, stock_available, stock, false from raw_myogo.stock)
            where code is not null group by code having bool_or(is_centra) and bool_or(not is_centra))
        -- Physical stock in Centra is what myOGO has available, and what its orders hold as far as they are Centra's.
        select case when physical between in_myogo and stock then 0
                    else cast(in_myogo - in_centra as bigint) end as difference
        from codes""",
        (
            Expectation(
                "GX-AGR-001",
                "difference",
                "of the codes that both sides stock, at least 90% have equal stock (available, or Centra's physical)",
                "Check the largest differences (view v_stock_side_by_side) and find out which system is behind.",
                between(0, 0, 0.9),
            ),
        ),
    ),
)

EXPECTATIONS = {one.id: one for suite in SUITES for one in suite.expectations}

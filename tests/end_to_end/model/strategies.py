"""Hypothesis strategies for changes of a shop between two runs and for the options of a run.

The sets of values are small, so that codes and values clash often.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.end_to_end.model.oracle import Row

SIZES = 9  # from 10 rows on, other limits apply
CODE_PARTS = ["", "A", "B", "AB", "BA", "A-", "a"]  # A + B, AB + "" and "" + AB are the same code
UNUSUAL_PARTS = [None, 7, " ", "A/", "B\\", "A ", "A\u200b", "B\x07", "Ä\u00a0"]
PREFIXES = [f"S{number}." for number in range(1, SIZES + 1)]  # each size's first code part
CODES = [*PREFIXES, *CODE_PARTS[1:], "AA", "ABB", "A ", "XX-7", "PACK/1"]
EANS = ["7312345678909", "96385074", "4006381333931"]
AMOUNTS = [
    *["10.00", "49.90", 20, Decimal("19.5"), "10.1234"],
    *[None, "", " ", "0", 0, "0.00", "-5", "49,00", " 49.00 ", "abc", "NaN", "10.12345", "1e2"],
]
FIELDS: dict[str, list[Any]] = {
    "name": ["Parka", "Coat Blue", "<b>Väst</b>", "S&amp;M <br> long", "", "  ", None],
    "product": ["parka int", "", None],
    "variant": ["Blue", "blue", "Röd", "", None],
    "size": ["S", "42", "One Size", "ONE SIZE", "", None],
    "ean": [*EANS, "7312345678901", "n/a", 96385074, "12 34", "", "  ", None],
    "upc": ["96385074", "", None],
    "brand": ["Acme", " Bolt ", "", None],
    "description": ["Warm <i>and</i> dry", "", None],
    "shortDescription": ["Warm", "<p></p>", "", None],
    "categoryName": ["Jackets", "Caps", "", None],
    "categories": [["Shop / Jackets", "New"], [], None],
    "folder": ["Outerwear", "", None],
    "images": [[], ["https://x.test/1.jpg", "https://x.test/2.jpg"], None],
    "countryOfOrigin": ["PT", "se", " FI ", "Portugal", "P1", "", None],
    "harmCode": ["62014000", "6201.40-00 10", "coat", "123", "", None],
    "harmDescription": ["Coats", "Coats & <b>parkas</b>", "", None],
    "store": ["Retail", "Import"],
    "active": [1, 0, "1", "0"],
    "weight": [0, 12],
}
HELD: dict[str, list[Any]] = {
    "name": ["Parka Blue S", "Typed by hand", "", None],
    "description": ["Warm", "Typed by hand", "", None],
    "eanCode": [*EANS, "", None],
    "supplier": ["Acme", "Elsewhere", "", None],
    "group": ["Jackets", None],
    "salesPrice": [Decimal("10.00"), Decimal("10"), Decimal("49.9"), Decimal("10.00001"), 0, None],
    "countryOfOrigin": ["PT", "pt", "SE", "", None],
    "languageCode": ["en", "EN", "sv", None],
    "customsDescription": ["Coats", None],
    "hsCode": ["62014000", "1", None],
    "pictureUrl": ["https://x.test/1.jpg", None],
    "supplierCode": ["77-A", "", None],
    "supplyPrice": [Decimal("4.4444"), 3, None],
    "currencyCode": ["SEK", "EUR", "", None],
    "infoUrl": ["https://x.test/info", "", None],
    "stock": [0, 7],
    "reserved": [0, 2],
}
SETTINGS: dict[str, list[Any]] = {
    "currency": ["EUR", "EUR", "SEK"],
    "pricelist_id": [None, "36", "7", "100"],
    "language": ["en", "en", "FI", "swe"],
    "language_by_store": [{}, {"Import": "sv"}, {"Import": "swe"}],
    "include_inactive": [False, True],
    "allow_zero_price": [False, True],
    "kept_codes": [{"S1.": "S2.", "S2.": "S1."}, {"S3.": "AB", "AB": "A"}, {"A": "S1.", "B": "S1."}, {"S4.": "XX-7"}],
    "include": [("*",), ("*",), ("S*", "A*"), ("Acme",), ("Outerwear", "*B")],
    "exclude": [(), (), ("A*",), ("Jackets",), ("*[24]",)],
}
# None of these may change the result of a run: the output formats of Centra and myOGO, and our request settings.
CENTRA_FORMATS: dict[str, list[Any]] = {
    "sort": ["asc", "desc", "shuffled"],
    "price_as": ["as_is", "number", "string"],
    "ids_as": ["as_is", "number", "string"],
    "flags_as": ["as_is", "int", "bool"],
    "empty_as": ["as_is", "", None, "missing"],  # except that a code with a missing part breaks the contract
    "next_at_end": ["absent", "null", "empty"],
    "next_absolute": [False, True],
    "next_repeats_filters": [False, True],
    "max_limit": [100, 2],
}
MYOGO_FORMATS: dict[str, list[Any]] = {
    "sort": ["asc", "desc", "shuffled"],
    "emit_nulls": ["yes", "no"],
    "extra_fields": [False, True],
    "duplicate_post": [400, 409],
    "omitted_on_put": ["keep", "clear"],
    "created_status": [200, 201],
    "error_body": ["json", "html"],
    "stock_moves_edit_time": [False, True],
    "name_max": [0, 0, 12],  # 12: myOGO refuses longer names
}
REQUEST_SETTINGS: dict[str, list[Any]] = {
    "centra_page": [100, 1, 2, 3, 5],
    "myogo_page": [250, 1, 2, 3, 5],
    "in_flight": [1, 4],
}


def mix(*shares: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of the strategies, each with the weight of its share (`one_of` ignores repeated strategies)."""
    table = [strategy for share, strategy in shares for _ in range(share)]
    return st.sampled_from(range(len(table))).flatmap(lambda index: table[index])


def some(values_by_field: dict[str, list[Any]], max_fields: int, min_fields: int = 0) -> st.SearchStrategy[Row]:
    """Up to so many of the fields, each with one of its values."""
    pairs = st.sampled_from(sorted(values_by_field)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(values_by_field[name]))
    )
    return st.lists(pairs, min_size=min_fields, max_size=max_fields, unique_by=lambda pair: pair[0]).map(dict)


def _entry(currencies: list[Any], amounts: list[Any]) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(
        {
            "id": st.sampled_from(["36", "7", "100", "A", 8]),
            "currency": st.sampled_from(currencies),
            "price": st.sampled_from(amounts),
        }
    )


def _lists(entry: st.SearchStrategy[Row]) -> st.SearchStrategy[list[Row]]:
    return st.lists(entry, min_size=1, max_size=3)


VALID_PRICES = _lists(_entry(["EUR", "EUR", "eur", "SEK"], AMOUNTS[:5]))
UNUSUAL_PRICES = _lists(_entry(["EUR", "EUR", "SEK", "", None], AMOUNTS)) | st.sampled_from([[], None, ""])
PRICES = mix((4, VALID_PRICES), (1, UNUSUAL_PRICES)).map(lambda value: {"prices": value})
# So few code parts that clashes are frequent.
CODE_PART = st.sampled_from(CODE_PARTS)
CLASHING_CODES = st.fixed_dictionaries(
    {"sku": CODE_PART, "variantSku": CODE_PART, "sizeSku": mix((5, CODE_PART), (1, st.sampled_from(UNUSUAL_PARTS)))}
)

NUMBERS = st.integers(1, SIZES)
INDEX = st.integers(0, SIZES - 1)
SIZE_FIELDS = mix((3, st.just({})), (6, some(FIELDS, 3, 1)), (2, CLASHING_CODES), (3, PRICES))
IN_CENTRA = mix(
    (6, st.tuples(st.just("size changed"), INDEX, SIZE_FIELDS)),
    (3, st.tuples(st.just("size"), NUMBERS, SIZE_FIELDS)),
    (2, st.tuples(st.just("size repaired"), INDEX)),
    (1, st.tuples(st.just("size copied"), INDEX, NUMBERS)),
    (1, st.tuples(st.just("no size"), INDEX)),
)
PRODUCT = st.tuples(st.just("product"), st.sampled_from(CODES), some(HELD, 4))
IN_MYOGO = mix(
    (5, st.tuples(st.just("changed"), INDEX, some(HELD, 3, 1))),
    (2, st.tuples(st.just("changed"), INDEX, st.sampled_from(EANS).map(lambda ean: {"eanCode": ean}))),
    (2, PRODUCT),
    (1, st.tuples(st.just("second product"), st.sampled_from(CODES), some(HELD, 2))),
    (1, st.tuples(st.just("renamed"), INDEX, st.sampled_from(CODES))),
    (1, st.tuples(st.just("received"), INDEX, st.integers(1, 50))),
    (1, st.tuples(st.just("removed"), INDEX)),
)
# Each change resets what it does not name to its first value.
FORMAT_CHANGES = mix(
    (3, st.tuples(st.just("centra formats"), some(CENTRA_FORMATS, 4, 1))),
    (2, st.tuples(st.just("myogo formats"), some(MYOGO_FORMATS, 4, 1))),
    (1, st.tuples(st.just("myogo formats"), st.just({"name_max": 12}))),
    (2, st.tuples(st.just("request settings"), some(REQUEST_SETTINGS, 3, 1))),
)
SETTING = st.tuples(st.just("settings"), mix((1, st.just({})), (1, some(SETTINGS, 2, 1))))
EDITS = st.lists(mix((6, IN_CENTRA), (4, IN_MYOGO), (1, SETTING), (2, FORMAT_CHANGES)), min_size=1, max_size=5)
START = st.tuples(
    st.lists(SIZE_FIELDS, min_size=3, max_size=7),
    st.lists(st.tuples(st.just("product"), st.sampled_from([*PREFIXES[:4], *CODES]), some(HELD, 5)), max_size=4),
).map(lambda start: [*(("size", number, fields) for number, fields in enumerate(start[0], start=1)), *start[1]])

SKU = mix((5, st.just(())), (1, st.sampled_from([("S*",), ("A*",), ("*B", "S[1-4]*"), ("nothing",)])))
LIMITED = {
    "min_rows": [1, 4, 9],
    "max_creates": [0, 1, 3],
    "max_updates": [0, 1, 3],
    "max_update_share": [Decimal("0.01")],
}
LIMITS = mix((2, st.just({})), (1, some(LIMITED, 2, 1)))
FORCE = mix((4, st.just(False)), (1, st.just(True)))


def _faults() -> st.SearchStrategy[list[Row]]:
    where = {
        "side": st.sampled_from(["centra", "myogo", "myogo"]),
        "method": st.sampled_from(["*", "GET", "POST", "PUT"]),
        "path": st.sampled_from(["*", "*", "/products", "/stock"]),
        "skip": st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 7]),
    }
    statuses = st.sampled_from([400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504])
    status_faults = st.fixed_dictionaries(
        {"kind": st.sampled_from(["status", "status_after"]), "status": statuses, "times": st.sampled_from([1, 1, 2])}
    )
    transport_faults = st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                ["drop", "drop_after", "html", "redirect", "body", "truncated", "wrong_length", "reset_body"]
            ),
            "times": st.sampled_from([1, 1, 2]),
        }
    )
    # Not repeated: a system that gives the same wrong answer twice cannot be detected.
    wrong_lists = st.fixed_dictionaries({"kind": st.sampled_from(["empty_page", "repeat_page", "loop_next"])})
    other_faults = st.fixed_dictionaries({"kind": st.sampled_from(["revoke_tokens", "no", "slow"])})
    fault = st.builds(
        lambda kind, place: _on_supported_side({**place, **kind}),
        mix((3, status_faults), (4, transport_faults), (1, other_faults)),
        st.fixed_dictionaries(where),
    )
    wrong_list = st.builds(
        lambda kind, place: _on_supported_side({**place, **kind}), wrong_lists, st.fixed_dictionaries(where)
    )
    return mix((4, st.lists(fault, min_size=1, max_size=2)), (1, wrong_list.map(lambda one: [one])))


def _on_supported_side(fault: Row) -> Row:
    """The fault restricted to the side that supports it."""
    if fault["kind"] in ("no", "loop_next"):
        return fault | {"side": "centra", "method": "*"}
    if fault["kind"] == "revoke_tokens":
        return fault | {"side": "myogo"}
    return fault | ({"seconds": 0.02} if fault["kind"] == "slow" else {})


FAULTS = _faults()
# A run is killed while it waits for the answer to a request, served or not.
KILLS = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["centra", "myogo", "myogo", "myogo"]),
        "kind": st.sampled_from(["hang", "hang_after"]),
        "method": st.sampled_from(["*", "POST", "PUT"]),
        "skip": st.sampled_from([0, 0, 1, 1, 2, 3, 4, 6, 8]),
    }
).map(lambda fault: fault if fault["side"] == "myogo" else fault | {"method": "*"})

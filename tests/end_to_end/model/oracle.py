"""The expected result of a run and the expected products in myOGO: the rules of docs/products.md in plain Python.

An independent oracle: it shares neither code nor libraries with the program. Rows, products and fields have the
systems' own names; an absent value is None or a missing key.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

Row = dict[str, Any]
KEPT = "kept"  # the name of a value that no row of Centra has
PARTS = ("sku", "variantSku", "sizeSku")
SILENT_SIZES = ("one size",)  # the size is part of the name "where it adds something"; this one does not


@dataclass(frozen=True)
class Channel:
    """The settings of the channel file that change the result."""

    currency: str = "EUR"
    pricelist_id: str | None = None
    language: str = "en"
    language_by_store: dict[str, str] = field(default_factory=dict)
    include_inactive: bool = False
    allow_zero_price: bool = False
    accept_as_new: tuple[str, ...] = ()
    kept_codes: dict[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    min_rows: int = 1
    max_creates: int = 5000
    max_updates: int = 2000
    max_update_share: Decimal = Decimal("0.30")


@dataclass
class Evaluation:
    """Each size id in one bucket. `changes` maps action and code to the size id and the fields before and after."""

    read: int
    skipped: set[str] = field(default_factory=set)
    withheld: dict[str, set[str]] = field(default_factory=dict)
    unchanged: dict[str, str] = field(default_factory=dict)  # the code in myOGO
    changes: dict[tuple[str, str], tuple[str, Row, Row]] = field(default_factory=dict)
    drifted: int = 0
    unmatched: int = 0

    def planned(self, action: str) -> int:
        return sum(1 for planned, _ in self.changes if planned == action)


def evaluate(
    rows: list[Row],
    held: list[Row],
    channel: Channel,
    sku: tuple[str, ...] = (),
    links: Mapping[str, str] = MappingProxyType({}),
) -> Evaluation:
    """Evaluates Centra's rows against myOGO's products; `sku` are the patterns of --sku, `links` the codes under which
    sizes were pushed, by id."""
    evaluation = Evaluation(len(rows))
    rows = known_rows(rows, held, channel)
    renamed = renamed_codes(rows, held, channel, links)
    code_counts = Counter(map(code_of, rows))  # of all rows, inactive and unselected sizes included
    held_counts = Counter(product["code"] for product in held)
    live = {product["code"]: product for product in held}
    channel = replace(channel, pricelist_id=channel.pricelist_id or lowest_pricelist(rows, channel))
    for row in rows:
        code, stock_item_id = code_of(row), str(row["stockItemId"])
        new = product_of(row, channel)
        if not wanted(row, new, channel, sku):
            evaluation.skipped.add(stock_item_id)
        elif broken_rules := rules(row, new, code_counts[code], held_counts[code], channel) | identity_rules(
            row, new, code_counts, held, channel, renamed, owners_of_kept(rows, channel, links)
        ):
            evaluation.withheld[stock_item_id] = broken_rules
        elif not held_counts[code]:
            evaluation.changes["create", code] = stock_item_id, {}, new
        else:
            old = live[code]
            after = {name: value for name, value in new.items() if differs(name, value, old.get(name))}
            ean = gtin(filled(trimmed(row.get("ean")), trimmed(row.get("upc"))))
            evaluation.drifted += bool(ean and old.get("eanCode") and ean != gtin(old["eanCode"]))
            if after:
                evaluation.changes["update", code] = (
                    stock_item_id,
                    {name: comparable(name, old.get(name)) for name in after},
                    after,
                )
            else:
                evaluation.unchanged[stock_item_id] = code
    known = {code for code in renamed.values() if not code.startswith("XX-")}
    evaluation.unmatched = len(held_counts.keys() - code_counts.keys() - known)
    return evaluation


def known_rows(rows: list[Row], held: list[Row], channel: Channel) -> list[Row]:
    """The rows, with the code by which myOGO knows the size as KEPT if it is an old one."""
    codes = {product["code"] for product in held}
    known = []
    for row in rows:
        olds: list[str] = []
        code = channel.kept_codes.get(code_of(row))
        while code is not None and code not in (code_of(row), *olds):
            olds.append(code)
            code = channel.kept_codes.get(code)
        known.append(row | {KEPT: next((old for old in olds if old in codes), None)})
    return known


def owners_of_kept(rows: list[Row], channel: Channel, links: Mapping[str, str]) -> dict[str, str]:
    """By code that a size has because of `kept_codes`: the only size that was pushed under it."""
    kept = {row[KEPT] for row in rows} - {None}
    pushed = [
        (code_of(row), stock_item_id)
        for row in rows
        if links.get(stock_item_id := str(row["stockItemId"])) == code_of(row) and may_not_be_new(row, channel)
    ]
    counts = Counter(code for code, _ in pushed)
    return {code: stock_item_id for code, stock_item_id in pushed if code in kept and counts[code] == 1}


def renamed_codes(rows: list[Row], held: list[Row], channel: Channel, links: Mapping[str, str]) -> dict[str, str]:
    """By size id, the code under which the size was pushed and which myOGO still holds, if its code is another now."""
    codes = {product["code"] for product in held}
    return {
        stock_item_id: linked
        for row in rows
        if (linked := links.get(stock_item_id := str(row["stockItemId"]))) in codes
        and linked != code_of(row)
        and linked is not None
        and may_not_be_new(row, channel)
    }


def may_not_be_new(row: Row, channel: Channel) -> bool:
    """Whether the channel sells the size and does not accept its code as that of a new product."""
    accepted = any(fnmatchcase(code_of(row), pattern) for pattern in channel.accept_as_new)
    return not accepted and wanted(row, product_of(row, channel), channel, ())


def identity_rules(
    row: Row,
    new: Row,
    made: Mapping[str, int],
    held: list[Row],
    channel: Channel,
    renamed: Mapping[str, str],
    owners: Mapping[str, str],
) -> set[str]:
    """The rules about a code or an EAN that myOGO knows as another size's, or under another code."""
    code, stock_item_id, ean = code_of(row), str(row["stockItemId"]), gtin(new.get("eanCode"))
    if code == "" or not may_not_be_new(row, channel):
        return set()
    under_code = [gtin(trimmed(product.get("eanCode"))) for product in held if product["code"] == code]
    is_lost = not row[KEPT] and not under_code and channel.kept_codes.get(code, code) != code
    lost = {"SKU-006"} if is_lost else set[str]()
    if stock_item_id in renamed:
        return {"SKU-005"} | lost
    is_taken = code in renamed.values() or owners.get(code, stock_item_id) != stock_item_id
    if is_taken and not (len(under_code) == 1 and ean is not None and under_code == [ean]):
        return {"SKU-005"} | lost
    elsewhere = any(
        ean is not None
        and gtin(trimmed(product.get("eanCode"))) == ean
        and product["code"] not in made
        and product["code"] not in renamed.values()
        for product in held
    )
    return lost | ({"EAN-005"} if elsewhere and not under_code else set())


def limits_refuse(evaluation: Evaluation, channel: Channel, held: int) -> bool:
    """Whether the plan exceeds a limit of the channel file."""
    updates = evaluation.planned("update")
    return (
        evaluation.read < channel.min_rows
        or evaluation.planned("create") > channel.max_creates
        or updates > channel.max_updates
        or (held >= 10 and updates > channel.max_update_share * held)
    )


def code_of(row: Row) -> str:
    """The code by which myOGO knows the size."""
    return str(row[KEPT]) if row.get(KEPT) else code_in_centra(row)


def code_in_centra(row: Row) -> str:
    return "".join(str(row[part]) for part in PARTS if row[part] is not None)


def wanted(row: Row, new: Row, channel: Channel, sku: tuple[str, ...]) -> bool:
    codes = (code_of(row), code_in_centra(row))
    texts = [*codes, new.get("supplier"), row.get("folder"), new.get("group")]

    def matches(patterns: tuple[str, ...]) -> bool:
        return any(fnmatchcase(text, pattern) for pattern in patterns for text in texts if text is not None)

    active = str(row["active"]) in ("1", "True") or channel.include_inactive
    named = not sku or any(fnmatchcase(code, pattern) for pattern in sku for code in codes)
    return active and named and matches(channel.include) and not matches(channel.exclude)


def rules(row: Row, new: Row, made: int, there: int, channel: Channel) -> set[str]:
    """The rules that the size breaks."""
    code, price, amount = code_of(row), price_of(row, channel), new.get("salesPrice")
    invisible = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0" + "".join(map(chr, [*range(0xFE00, 0xFE10)]))
    has_bad_characters = any(
        sign in "/\\" or sign in invisible or unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in code
    )
    country = new.get("countryOfOrigin")
    return {
        rule
        for rule, holds in {
            "SKU-001": code == "",
            "SKU-002": code != "" and made > 1,
            "SKU-003": has_bad_characters or code != code.strip(),
            "PRICE-001": price is None,
            "PRICE-002": price is not None
            and (amount is None or amount < 0 or (amount == 0 and not channel.allow_zero_price)),
            "PRICE-005": len({str(money(one) or trimmed(one)) for one in prices_of(row, channel)}) > 1,
            "NAME-001": new.get("name") is None,
            "LANG-001": not re.fullmatch("[a-z]{2}", new["languageCode"]),
            "COO-001": country is not None and not re.fullmatch("[A-Z]{2}", country),
            "TGT-001": there > 1,
        }.items()
        if holds
    }


def product_of(row: Row, channel: Channel) -> Row:
    """The table "What goes where" of docs/products.md; values that Centra does not have are left out."""
    base = filled(plain(row.get("name")), plain(row.get("product")))
    variant, size = plain(row.get("variant")), plain(row.get("size"))
    in_base = variant is None or f" {variant} ".casefold() in f" {base} ".casefold()
    words = [base, None if in_base else variant, None if size and size.casefold() in SILENT_SIZES else size]
    country, tariff = trimmed(row.get("countryOfOrigin")), re.sub(r"[.\s-]", "", row.get("harmCode") or "")
    product = {
        "code": code_of(row),
        "name": base and " ".join(word for word in words if word),
        "salesPrice": money(price_of(row, channel)),
        "eanCode": barcode(filled(trimmed(row.get("ean")), trimmed(row.get("upc")))),
        "description": filled(plain(row.get("shortDescription")), plain(row.get("description"))),
        "supplier": trimmed(row.get("brand")),
        "group": filled(trimmed(row.get("categoryName")), first_of(row.get("categories")), trimmed(row.get("folder"))),
        "countryOfOrigin": country and country.upper(),
        "customsDescription": plain(row.get("harmDescription")),
        "hsCode": tariff if re.fullmatch("[0-9]{6,10}", tariff) else None,
        "pictureUrl": first_of(row.get("images")),
        "languageCode": channel.language_by_store.get(row["store"], channel.language).lower(),
    }
    return {name: value for name, value in product.items() if value is not None}


def barcode(text: str | None) -> str | None:
    """The barcode, or None if a spreadsheet turned it into a number, if it has characters that no barcode has, if it is
    zeros or words, or if its check digit is wrong."""
    floated = text is not None and re.fullmatch(r"\d+([.,]\d*)?([eE][+-]?\d+)?", text) and not text.isdecimal()
    if text is None or floated or not text.isascii() or not text.isprintable() or not re.search("[1-9]", text):
        return None
    if text.isdecimal() and len(text) in (8, 12, 13, 14):
        checksum = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
        return text if checksum % 10 == 0 else None
    return text


def gtin(text: str | None) -> str | None:
    """An EAN as it is compared; None for zeros and words."""
    if text is None or not re.search("[1-9]", text):
        return None
    return text.zfill(14) if re.fullmatch("[0-9]{8,14}", text) else text


def lowest_pricelist(rows: list[Row], channel: Channel) -> str | None:
    """The list of the catalogue: of those with the currency, the one with the lowest number."""
    sent = [row for row in rows if channel.include_inactive or str(row["active"]) in ("1", "True")]
    ids = {str(entry["id"]) for row in sent for entry in entries_of(row, channel)}
    return min(ids, key=lambda number: (int(number) if number.isdigit() else float("inf"), number), default=None)


def entries_of(row: Row, channel: Channel) -> list[Row]:
    return [entry for entry in row["prices"] or [] if (trimmed(entry["currency"]) or "").upper() == channel.currency]


def prices_of(row: Row, channel: Channel) -> list[Any]:
    """The amounts in the channel's price list, as Centra wrote them."""
    entries = [entry for entry in entries_of(row, channel) if str(entry["id"]) == channel.pricelist_id]
    return [entry["price"] for entry in entries if trimmed(entry["price"]) is not None]


def price_of(row: Row, channel: Channel) -> Any:
    return next(iter(prices_of(row, channel)), None)


def money(amount: Any) -> Decimal | None:
    """The amount as a Decimal; None unless it is a plain number with at most 4 decimals, or the residue of a float."""
    try:
        number = Decimal(str(amount).strip())
    except InvalidOperation:
        return None
    if number.is_finite() and len(number.as_tuple().digits) > 15 and "e" not in str(amount).casefold():
        shorter = Decimal(f"{number:.14e}")
        number = shorter if number != round(number, 4) and shorter == round(shorter, 4) else number
    return number if number.is_finite() and abs(number) < 10**14 and number == round(number, 4) else None


def differs(name: str, ours: Any, theirs: Any) -> bool:
    """Whether our value must be sent. An EAN is sent only if myOGO has none; the code is the key and never differs."""
    if name == "eanCode":
        return comparable(name, theirs) is None
    return bool(name != "code" and ours != comparable(name, theirs))


def comparable(name: str, theirs: Any) -> Any:
    """myOGO's value as it is compared: blank is absent, the case of a country or a language does not matter."""
    if name == "salesPrice":
        return money(theirs)
    fold = {"countryOfOrigin": str.upper, "languageCode": str.lower}.get(name, str)
    return fold(theirs) if theirs else None


def trimmed(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def plain(value: Any) -> str | None:
    """Text without HTML and scripts, with single blanks."""
    without_tags = re.sub("<[^>]*>", " ", re.sub("<script.*?</script>", "", trimmed(value) or "", flags=re.DOTALL))
    return " ".join(html.unescape(without_tags).split()) or None


def filled(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def first_of(values: list[str] | None) -> str | None:
    return trimmed(values[0]) if values else None


def after(held: list[Row], evaluation: Evaluation, refused: set[str]) -> list[Row]:
    """myOGO's products after the plan is applied without the `refused` codes; nothing else changes or is deleted."""
    goal = [dict(product) for product in held]
    for (action, code), (_, _, fields) in evaluation.changes.items():
        if code in refused:
            continue
        if action == "create":
            goal.append(dict(fields))
        else:
            next(product for product in goal if product["code"] == code).update(fields)
    return goal

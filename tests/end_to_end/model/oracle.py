"""What a run should find, and what myOGO should hold after it: README's words once more, in plain Python.

It is there to disagree with the program, so it shares nothing with it, neither code nor libraries. Rows, products
and fields go by the systems' own names; an absent value is None or no key at all.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any

Row = dict[str, Any]
PARTS = ("sku", "variantSku", "sizeSku")
SILENT_SIZES = ("one size",)  # "where they add something": this one does not


@dataclass(frozen=True)
class Channel:
    """What the channel file says, as far as it changes the outcome."""

    currency: str = "EUR"
    pricelist_id: str | None = None
    language: str = "en"
    language_by_store: dict[str, str] = field(default_factory=dict)
    include_inactive: bool = False
    allow_zero_price: bool = False
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    min_rows: int = 1
    max_creates: int = 5000
    max_updates: int = 2000
    max_update_share: Decimal = Decimal("0.30")


@dataclass
class Verdict:
    """Every size in one bucket, by its id; `changes` by action and code: the size, and the fields before and after."""

    read: int
    skipped: set[str] = field(default_factory=set)
    withheld: dict[str, set[str]] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    changes: dict[tuple[str, str], tuple[str, Row, Row]] = field(default_factory=dict)
    drifted: int = 0
    unmatched: int = 0

    def planned(self, action: str) -> int:
        return sum(1 for planned, _ in self.changes if planned == action)


def verdict(rows: list[Row], held: list[Row], channel: Channel, sku: tuple[str, ...] = ()) -> Verdict:
    """Of Centra's rows and myOGO's products; `sku` are the patterns of --sku."""
    said = Verdict(len(rows))
    made = Counter(map(code_of, rows))  # in the whole catalogue, inactive and unselected sizes included
    there = Counter(product["code"] for product in held)
    live = {product["code"]: product for product in held}
    for row in rows:
        code, own = code_of(row), str(row["stockItemId"])
        new = product_of(row, channel)
        if not wanted(row, new, channel, sku):
            said.skipped.add(own)
        elif broken := rules(row, new, made[code], there[code], channel):
            said.withheld[own] = broken
        elif not there[code]:
            said.changes["create", code] = own, {}, new
        else:
            old = live[code]
            after = {name: value for name, value in new.items() if differs(name, value, old.get(name))}
            said.drifted += bool(new.get("eanCode") and old.get("eanCode") and new["eanCode"] != old["eanCode"])
            if after:
                said.changes["update", code] = own, {name: seen(name, old.get(name)) for name in after}, after
            else:
                said.unchanged.add(own)
    said.unmatched = len(there.keys() - made.keys())
    return said


def limits_refuse(said: Verdict, channel: Channel, held: int) -> bool:
    """Whether the plan is more than the channel file calls normal."""
    updates = said.planned("update")
    return (
        said.read < channel.min_rows
        or said.planned("create") > channel.max_creates
        or updates > channel.max_updates
        or (held >= 10 and updates > channel.max_update_share * held)
    )


def code_of(row: Row) -> str:
    return "".join(str(row[part]) for part in PARTS if row[part] is not None)


def wanted(row: Row, new: Row, channel: Channel, sku: tuple[str, ...]) -> bool:
    looked_at = [code_of(row), new.get("supplier"), row.get("folder"), new.get("group")]

    def hit(patterns: tuple[str, ...]) -> bool:
        return any(fnmatchcase(text, pattern) for pattern in patterns for text in looked_at if text is not None)

    active = str(row["active"]) in ("1", "True") or channel.include_inactive
    named = not sku or any(fnmatchcase(code_of(row), pattern) for pattern in sku)
    return active and named and hit(channel.include) and not hit(channel.exclude)


def rules(row: Row, new: Row, made: int, there: int, channel: Channel) -> set[str]:
    """The rules that the size breaks."""
    code, asked, amount = code_of(row), price_of(row, channel), new.get("salesPrice")
    odd = any(sign in "/\\" or unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in code)
    country = new.get("countryOfOrigin")
    return {
        rule
        for rule, holds in {
            "SKU-001": code == "",
            "SKU-002": code != "" and made > 1,
            "SKU-003": odd or code != code.strip(),
            "PRICE-001": asked is None,
            "PRICE-002": asked is not None
            and (amount is None or amount < 0 or (amount == 0 and not channel.allow_zero_price)),
            "NAME-001": new.get("name") is None,
            "LANG-001": not re.fullmatch("[a-z]{2}", new["languageCode"]),
            "COO-001": country is not None and not re.fullmatch("[A-Z]{2}", country),
            "TGT-001": there > 1,
        }.items()
        if holds
    }


def product_of(row: Row, channel: Channel) -> Row:
    """README's table "What goes where"; a value that Centra does not have is left out."""
    base = filled(plain(row.get("name")), plain(row.get("product")))
    variant, size = plain(row.get("variant")), plain(row.get("size"))
    told = variant is None or f" {variant} ".casefold() in f" {base} ".casefold()
    words = [base, None if told else variant, None if size and size.casefold() in SILENT_SIZES else size]
    country, tariff = trimmed(row.get("countryOfOrigin")), re.sub(r"[.\s-]", "", row.get("harmCode") or "")
    whole = {
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
    return {name: value for name, value in whole.items() if value is not None}


def barcode(text: str | None) -> str | None:
    """What a spreadsheet makes of one is not sent, nor what holds letters that no barcode has."""
    floated = text is not None and re.fullmatch(r"\d+([.,]\d*)?([eE][+-]?\d+)?", text) and not text.isdecimal()
    return None if text is None or floated or not text.isascii() or not text.isprintable() else text


def price_of(row: Row, channel: Channel) -> Any:
    """The amount as Centra wrote it, None where there is none in the channel's currency."""
    mine = [entry for entry in row["prices"] or [] if (trimmed(entry["currency"]) or "").upper() == channel.currency]
    if channel.pricelist_id is not None and len({str(entry["id"]) for entry in mine}) > 1:
        mine = [entry for entry in mine if str(entry["id"]) == channel.pricelist_id]
    priced = {str(entry["id"]): entry["price"] for entry in mine if trimmed(entry["price"]) is not None}
    lowest = sorted(priced, key=lambda number: (int(number) if number.isdigit() else float("inf"), number))
    return priced[lowest[0]] if lowest else None


def money(amount: Any) -> Decimal | None:
    """A plain number with at most 4 decimals."""
    try:
        number = Decimal(str(amount).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**14 and number == round(number, 4) else None


def differs(name: str, mine: Any, theirs: Any) -> bool:
    """Whether our value is to be sent: an EAN only where myOGO has none, and a code is the key."""
    if name == "eanCode":
        return seen(name, theirs) is None
    return bool(name != "code" and mine != seen(name, theirs))


def seen(name: str, theirs: Any) -> Any:
    """myOGO's value as it is compared: blank is absent, and the case of a country or a language is no difference."""
    if name == "salesPrice":
        return money(theirs)
    fold = {"countryOfOrigin": str.upper, "languageCode": str.lower}.get(name, str)
    return fold(theirs) if theirs else None


def trimmed(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def plain(value: Any) -> str | None:
    """Text without HTML, scripts and runs of blanks."""
    bare = re.sub("<[^>]*>", " ", re.sub("<script.*?</script>", "", trimmed(value) or "", flags=re.DOTALL))
    return " ".join(html.unescape(bare).split()) or None


def filled(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def first_of(values: list[str] | None) -> str | None:
    return trimmed(values[0]) if values else None


def after(held: list[Row], said: Verdict, refused: set[str]) -> list[Row]:
    """myOGO's products once the plan is applied, `refused` codes left out: nothing else changes, nothing goes."""
    goal = [dict(product) for product in held]
    for (action, code), (_, _, fields) in said.changes.items():
        if code in refused:
            continue
        if action == "create":
            goal.append(dict(fields))
        else:
            next(product for product in goal if product["code"] == code).update(fields)
    return goal

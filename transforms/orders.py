"""Centra's shipments (or orders) as orders for myOGO."""

from __future__ import annotations

import json
import re
from dataclasses import field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.fields.centra_orders import NUMBER, ORDERS, SHIPMENTS
from transforms.order_lines import is_true, payment_due, pickable_lines
from transforms.price import money, plain_money
from transforms.shipping import shipping_codes
from transforms.text import capitals, first_filled
from transforms.type_mismatch import mismatches_in

_FOUR = Decimal("0.0001")
_PLAIN = re.compile(r"\s*-?[0-9]{1,14}\.[0-9]{5,30}\s*", re.ASCII)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Params:
    """`[flows.orders.params]` of a channel file."""

    starting: date
    source: Literal["shipments", "orders"] = "shipments"
    statuses: tuple[str, ...] = ("2", "3", "Confirmed", "Processing")
    status: Literal["Draft", "New"] = "Draft"
    test: bool = True
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,40}$")] | None = None
    shipping: dict[str, str] = field(default_factory=dict)
    capture: bool = False
    contents_are: Literal["each", "total"] | None = None
    cash_on_delivery: tuple[str, ...] = ()
    look_back_days: Annotated[int, Field(ge=1, le=3650)] = 90
    personal_days: Annotated[int, Field(ge=0, le=3650)] = 14


def to_myogo(rows: pd.DataFrame, lines: pd.DataFrame, taxes: pd.DataFrame, params: Params, prefix: str) -> pd.DataFrame:
    """One row per shipment (or order), in the order given, on a fresh index; nothing is left out here.

    `rows` are staged shipments or orders, `lines` their lines (`source_id`), `taxes` gives `tax_percent` by `order_id`
    and `line_id` where the lines do not. Columns of the order: `reference` (`prefix-id`), `status`, `test`,
    `shipping_code`, `pick_up_point_code`, `price_total` (decimal), `price_currency`, `lines` (JSON list of myOGO's
    order lines), `cash_on_delivery` (JSON object or null), `customer` and `comments` (both personal), `shipment_id`,
    `capture` (whether the payment is to be taken first). Besides them: `source_id` (of the shipment or order),
    `ordered` (text as sent), `order_status` (Centra's), `on_hold` (held or unpaid), `payment_due`, `shipping_method`,
    `codes` (JSON list), `line_problem`, `missing_address_fields`, `has_no_phone` and `unreadable` (what cannot be used
    as it is, in words; "" for nothing).
    """
    rows = rows.reset_index(drop=True)
    of_shipments = params.source == "shipments"
    own_id = rows["shipment_id" if of_shipments else "order_id"]
    picked, problems = pickable_lines(lines, params.contents_are)
    picked = _taxed(picked, rows.assign(source_id=own_id), taxes)
    listed = {own: _order_lines(its_lines) for own, its_lines in picked.groupby("source_id")}
    codes = picked.groupby("source_id")["code"].agg(lambda own: json.dumps(sorted(set(own))))
    due = payment_due(rows) if of_shipments else pd.Series(False, index=rows.index)
    shipping = shipping_codes(rows, params.shipping)
    total = money(_rounded(rows["total"]))
    currency = capitals(first_filled(rows["currency"]))
    phone = first_filled(rows["cell"], rows["tele"])
    country = capitals(first_filled(rows["country"]))
    made = {
        "reference": prefix + "-" + own_id.astype("str"),
        "status": params.status,
        "test": params.test,
        "shipping_code": shipping["shipping_code"],
        "pick_up_point_code": first_filled(rows["pick_up_point"]),
        "price_total": total,
        "price_currency": currency,
        "lines": own_id.map(listed).astype("str"),
        "cash_on_delivery": _cash(rows, total, currency, params.cash_on_delivery, own_id),
        "customer": _customers(rows, phone, country),
        "comments": _comments(rows),
        "shipment_id": rows["shipment_id"] if of_shipments else pd.Series(None, index=rows.index, dtype="str"),
        "capture": due & params.capture,
        "source_id": own_id,
        "ordered": rows["order_date"],
        "order_status": pd.Series(None, index=rows.index, dtype="str") if of_shipments else rows["order_status"],
        "on_hold": pd.Series(False, index=rows.index)
        if of_shipments
        else is_true(rows["hold"]) | is_true(rows["waiting_for_payment"]),
        "payment_due": due,
        "shipping_method": shipping["shipping_method"],
        "codes": own_id.map(codes).astype("str"),
        "line_problem": own_id.map(problems).astype("str"),
        "missing_address_fields": _missing(rows, country),
        "has_no_phone": phone.isna(),
        "unreadable": _unreadable(rows, own_id, total, currency, params),
    }
    return pd.DataFrame(made, index=rows.index)


def _taxed(picked: pd.DataFrame, rows: pd.DataFrame, taxes: pd.DataFrame) -> pd.DataFrame:
    """Lines of shipments have no tax: the order's lines have it."""
    orders = picked["source_id"].map(rows.drop_duplicates("source_id").set_index("source_id")["order_id"])
    known = taxes.drop_duplicates(["order_id", "line_id"]).set_index(["order_id", "line_id"])["tax_percent"]
    found = known.reindex(pd.MultiIndex.from_arrays([orders, picked["line_id"]]))
    own = picked["tax_percent"].astype("str")
    return picked.assign(tax_percent=own.where(own.notna(), pd.Series(found.to_numpy(), picked.index).astype("str")))


def _order_lines(lines: pd.DataFrame) -> str:
    made = []
    prices, taxes = (money(_rounded(lines[name])) for name in ("price", "tax_percent"))
    for code, quantity, price, tax in zip(lines["code"], lines["quantity"], prices, taxes, strict=True):
        line: dict[str, Any] = {"code": code, "quantity": 0 if pd.isna(quantity) else int(quantity)}
        if isinstance(price, Decimal):
            line["unitPrice"] = price
        if isinstance(tax, Decimal):
            line["vatPercentage"] = tax
        made.append(line)
    return _text(made)


def _rounded(amounts: pd.Series) -> pd.Series:
    """Plain numbers with at most 4 decimals: a share of a discount may have more, or what a float makes of it."""

    def four(text: str) -> str:
        plain = _PLAIN.fullmatch(text)
        return format(Decimal(text.strip()).quantize(_FOUR), "f") if plain else text

    return amounts.map(four, na_action="ignore").astype("str")


def _customers(rows: pd.DataFrame, phone: pd.Series, country: pd.Series) -> pd.Series:
    """myOGO knows no state: it follows the second line of the address."""
    name = first_filled(rows["name"], rows["company"])
    second, state = first_filled(rows["coaddress"]), first_filled(rows["state"])
    columns = {
        "name": name,
        "company": first_filled(rows["company"]),
        "address1": first_filled(rows["address"]),
        "address2": (second + ", " + state).fillna(second).fillna(state),
        "zip": first_filled(rows["zipcode"]),
        "city": first_filled(rows["city"]),
        "countryCode": country,
        "phone": phone,
        "email": first_filled(rows["email"]),
    }
    cells = zip(*columns.values(), strict=True)
    texts = [_text({k: v for k, v in zip(columns, row, strict=True) if isinstance(v, str)}) for row in cells]
    return pd.Series(texts, index=rows.index, dtype="str")


def _missing(rows: pd.DataFrame, country: pd.Series) -> pd.Series:
    """The fields that myOGO requires of an address and that are empty, in words; "" for none."""
    filled = {
        "name": first_filled(rows["name"], rows["company"]).notna(),
        "address": first_filled(rows["address"]).notna(),
        "city": first_filled(rows["city"]).notna(),
        "two-letter country": country.str.fullmatch("[A-Z]{2}").fillna(False).astype(bool),
    }
    cells = zip(*filled.values(), strict=True)
    texts = [", ".join(name for name, ok in zip(filled, row, strict=True) if not ok) for row in cells]
    return pd.Series(texts, index=rows.index, dtype="str")


def _comments(rows: pd.DataFrame) -> pd.Series:
    """What Ingrid's checkout asked for the courier."""
    door = "Door code: " + first_filled(rows["door_code"])
    courier = first_filled(rows["courier_instructions"])
    return (door + ". " + courier).fillna(door).fillna(courier)


def _cash(
    rows: pd.DataFrame, total: pd.Series, currency: pd.Series, plugins: tuple[str, ...], own_id: pd.Series
) -> pd.Series:
    """For orders whose payment plugin is one of `plugins`."""
    cells = zip(_on_delivery(rows, plugins), total, currency, own_id, strict=True)
    texts = [
        _text({"amount": amount, "currencyCode": code, "reference": own})
        if one and isinstance(amount, Decimal) and isinstance(code, str)
        else None
        for one, amount, code, own in cells
    ]
    return pd.Series(texts, index=rows.index, dtype="str")


def _on_delivery(rows: pd.DataFrame, plugins: tuple[str, ...]) -> pd.Series:
    known = [plugin.strip().casefold() for plugin in plugins]
    return rows["payment_plugin"].fillna("").str.strip().str.casefold().isin(known)


def _unreadable(
    rows: pd.DataFrame, own_id: pd.Series, total: pd.Series, currency: pd.Series, params: Params
) -> pd.Series:
    """What cannot be read beyond doubt, in words; it withholds the order."""
    fields = SHIPMENTS if params.source == "shipments" else ORDERS
    found = {
        "its number is no order's": ~own_id.str.fullmatch(NUMBER),
        "it has no date": first_filled(rows["order_date"]).isna(),
        "its total is no plain number": first_filled(rows["total"]).notna() & total.isna(),
        "cash on delivery without an amount or a currency": _on_delivery(rows, params.cash_on_delivery)
        & (total.isna() | currency.isna()),
    }
    if params.source == "orders":
        found["it has no status"] = first_filled(rows["order_status"]).isna()
    words = mismatches_in(
        rows["extra"], [field.vendor for field in fields if field.on_type_mismatch == "withhold"]
    ).fillna("")
    for problem, hit in found.items():
        words = words.mask(hit.fillna(False).astype(bool), words + "; " + problem)
    return words.str.removeprefix("; ")


def _text(value: Any) -> str:
    """JSON; money with the digits that it has, which a float would not keep."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, Decimal):
        return format(plain_money(value), "f")
    return json.dumps(value, ensure_ascii=False)

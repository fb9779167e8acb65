"""Converts Centra's shipments (or orders) to orders for myOGO."""

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

_FOUR_DECIMALS = Decimal("0.0001")
_MORE_THAN_4_DECIMALS = re.compile(r"\s*-?[0-9]{1,14}\.[0-9]{5,30}\s*", re.ASCII)


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
    """One row per shipment (or order), in the given sequence, on a fresh index; no row is dropped.

    `rows` are staged shipments or orders, `lines` their lines (`source_id`), `taxes` has `tax_percent` by `order_id`
    and `line_id` for lines without it. Columns of the order: `reference` (`prefix-id`), `status`, `test`,
    `shipping_code`, `pick_up_point_code`, `price_total` (decimal), `price_currency`, `lines` (JSON list of myOGO's
    order lines), `cash_on_delivery` (JSON object or null), `customer` and `comments` (both personal), `shipment_id`,
    `capture` (whether to capture the payment first). Further columns: `source_id` (of the shipment or order),
    `ordered` (text as sent), `order_status` (Centra's), `on_hold` (held or unpaid), `payment_due`, `shipping_method`,
    `codes` (JSON list), `line_problem`, `missing_address_fields`, `has_no_phone` and `unreadable` (the values that
    cannot be used, in words; "" for none).
    """
    rows = rows.reset_index(drop=True)
    from_shipments = params.source == "shipments"
    source_id = rows["shipment_id" if from_shipments else "order_id"]
    picked, problems = pickable_lines(lines, params.contents_are)
    picked = _with_taxes(picked, rows.assign(source_id=source_id), taxes)
    order_lines = {key: _order_lines(group) for key, group in picked.groupby("source_id")}
    codes = picked.groupby("source_id")["code"].agg(lambda values: json.dumps(sorted(set(values))))
    due = payment_due(rows) if from_shipments else pd.Series(False, index=rows.index)
    shipping = shipping_codes(rows, params.shipping)
    total = money(_rounded(rows["total"]))
    currency = capitals(first_filled(rows["currency"]))
    phone = first_filled(rows["cell"], rows["tele"])
    country = capitals(first_filled(rows["country"]))
    columns = {
        "reference": prefix + "-" + source_id.astype("str"),
        "status": params.status,
        "test": params.test,
        "shipping_code": shipping["shipping_code"],
        "pick_up_point_code": first_filled(rows["pick_up_point"]),
        "price_total": total,
        "price_currency": currency,
        "lines": source_id.map(order_lines).astype("str"),
        "cash_on_delivery": _cash_on_delivery(rows, total, currency, params.cash_on_delivery, source_id),
        "customer": _customers(rows, phone, country),
        "comments": _comments(rows),
        "shipment_id": rows["shipment_id"] if from_shipments else pd.Series(None, index=rows.index, dtype="str"),
        "capture": due & params.capture,
        "source_id": source_id,
        "ordered": rows["order_date"],
        "order_status": pd.Series(None, index=rows.index, dtype="str") if from_shipments else rows["order_status"],
        "on_hold": pd.Series(False, index=rows.index)
        if from_shipments
        else is_true(rows["hold"]) | is_true(rows["waiting_for_payment"]),
        "payment_due": due,
        "shipping_method": shipping["shipping_method"],
        "codes": source_id.map(codes).astype("str"),
        "line_problem": source_id.map(problems).astype("str"),
        "missing_address_fields": _missing_address_fields(rows, country),
        "has_no_phone": phone.isna(),
        "unreadable": _unreadable(rows, source_id, total, currency, params),
    }
    return pd.DataFrame(columns, index=rows.index)


def _with_taxes(picked: pd.DataFrame, rows: pd.DataFrame, taxes: pd.DataFrame) -> pd.DataFrame:
    """Takes the tax from the order's lines, because lines of shipments have none."""
    orders = picked["source_id"].map(rows.drop_duplicates("source_id").set_index("source_id")["order_id"])
    known = taxes.drop_duplicates(["order_id", "line_id"]).set_index(["order_id", "line_id"])["tax_percent"]
    from_order = known.reindex(pd.MultiIndex.from_arrays([orders, picked["line_id"]]))
    own = picked["tax_percent"].astype("str")
    return picked.assign(
        tax_percent=own.where(own.notna(), pd.Series(from_order.to_numpy(), picked.index).astype("str"))
    )


def _order_lines(lines: pd.DataFrame) -> str:
    order_lines = []
    prices, taxes = (money(_rounded(lines[name])) for name in ("price", "tax_percent"))
    for code, quantity, price, tax in zip(lines["code"], lines["quantity"], prices, taxes, strict=True):
        line: dict[str, Any] = {"code": code, "quantity": 0 if pd.isna(quantity) else int(quantity)}
        if isinstance(price, Decimal):
            line["unitPrice"] = price
        if isinstance(tax, Decimal):
            line["vatPercentage"] = tax
        order_lines.append(line)
    return _to_json(order_lines)


def _rounded(amounts: pd.Series) -> pd.Series:
    """Plain numbers, rounded to 4 decimals: a share of a discount, or a float, may have more."""

    def round_text(text: str) -> str:
        has_more_decimals = _MORE_THAN_4_DECIMALS.fullmatch(text)
        return format(Decimal(text.strip()).quantize(_FOUR_DECIMALS), "f") if has_more_decimals else text

    return amounts.map(round_text, na_action="ignore").astype("str")


def _customers(rows: pd.DataFrame, phone: pd.Series, country: pd.Series) -> pd.Series:
    """myOGO has no field for a state, so it is appended to the second line of the address."""
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
    texts = [_to_json({k: v for k, v in zip(columns, row, strict=True) if isinstance(v, str)}) for row in cells]
    return pd.Series(texts, index=rows.index, dtype="str")


def _missing_address_fields(rows: pd.DataFrame, country: pd.Series) -> pd.Series:
    """The empty fields that myOGO requires in an address, in words; "" for none."""
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
    """The courier instructions from Ingrid's checkout."""
    door = "Door code: " + first_filled(rows["door_code"])
    courier = first_filled(rows["courier_instructions"])
    return (door + ". " + courier).fillna(door).fillna(courier)


def _cash_on_delivery(
    rows: pd.DataFrame, total: pd.Series, currency: pd.Series, plugins: tuple[str, ...], source_id: pd.Series
) -> pd.Series:
    """The JSON object for orders whose payment plugin is one of `plugins`; null for others."""
    cells = zip(_is_on_delivery(rows, plugins), total, currency, source_id, strict=True)
    texts = [
        _to_json({"amount": amount, "currencyCode": code, "reference": reference})
        if on_delivery and isinstance(amount, Decimal) and isinstance(code, str)
        else None
        for on_delivery, amount, code, reference in cells
    ]
    return pd.Series(texts, index=rows.index, dtype="str")


def _is_on_delivery(rows: pd.DataFrame, plugins: tuple[str, ...]) -> pd.Series:
    known = [plugin.strip().casefold() for plugin in plugins]
    return rows["payment_plugin"].fillna("").str.strip().str.casefold().isin(known)


def _unreadable(
    rows: pd.DataFrame, source_id: pd.Series, total: pd.Series, currency: pd.Series, params: Params
) -> pd.Series:
    """The values of each order that cannot be read with certainty, in words; they withhold the order."""
    fields = SHIPMENTS if params.source == "shipments" else ORDERS
    problems = {
        "its number is not an order number": ~source_id.str.fullmatch(NUMBER),
        "it has no date": first_filled(rows["order_date"]).isna(),
        "its total is not a plain number": first_filled(rows["total"]).notna() & total.isna(),
        "cash on delivery without an amount or a currency": _is_on_delivery(rows, params.cash_on_delivery)
        & (total.isna() | currency.isna()),
    }
    if params.source == "orders":
        problems["it has no status"] = first_filled(rows["order_status"]).isna()
    messages = mismatches_in(
        rows["extra"], [field.vendor for field in fields if field.on_type_mismatch == "withhold"]
    ).fillna("")
    for problem, applies in problems.items():
        messages = messages.mask(applies.fillna(False).astype(bool), messages + "; " + problem)
    return messages.str.removeprefix("; ")


def _to_json(value: Any) -> str:
    """JSON text. Decimals keep their digits, which a float would not."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_to_json(key)}: {_to_json(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_to_json, value)) + "]"
    if isinstance(value, Decimal):
        return format(plain_money(value), "f")
    return json.dumps(value, ensure_ascii=False)

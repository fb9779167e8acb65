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
from transforms.price import money
from transforms.shipping import shipping_codes
from transforms.text import capitals, first_filled
from transforms.type_mismatch import mismatches_in

_CENT, _FOUR = Decimal("0.01"), Decimal("0.0001")
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
    """One row per shipment (or order), in the order given, on a fresh index; nothing is judged here.

    `rows` are staged shipments or orders, `lines` their lines (`owner_id`), `taxes` gives `tax_percent` by `order_id`
    and `line_id` where the lines do not. Columns of the order: `reference` (`prefix-id`), `status`, `test`,
    `shipping_code`, `pick_up_point_code`, `price_total` (decimal), `price_currency`, `lines` (JSON list of myOGO's
    order lines), `cash_on_delivery` (JSON object or null), `customer` and `comments` (both personal), `shipment_id`,
    `capture` (whether the payment is to be taken first). Beside them: `owner_id`, `ordered` (text as
    sent), `state` (Centra's order status), `held` (on hold or unpaid), `owed`, `shipping_method`, `codes` (JSON list),
    `line_fault`, `unnamed`, `phoneless` and `odd` (what cannot be used as it is, in words; "" for nothing).
    """
    rows = rows.reset_index(drop=True)
    of_shipments = params.source == "shipments"
    owner = rows["shipment_id" if of_shipments else "order_id"]
    picked, faults = pickable_lines(lines, params.contents_are)
    picked = _taxed(picked, rows.assign(owner_id=owner), taxes)
    listed = {own: _order_lines(of) for own, of in picked.groupby("owner_id")}
    codes = picked.groupby("owner_id")["code"].agg(lambda own: json.dumps(sorted(set(own))))
    due = payment_due(rows) if of_shipments else pd.Series(False, index=rows.index)
    shipping = shipping_codes(rows, params.shipping)
    total = money(_rounded(rows["total"]))
    currency = capitals(first_filled(rows["currency"]))
    phone = first_filled(rows["cell"], rows["tele"])
    country = capitals(first_filled(rows["country"]))
    made = {
        "reference": prefix + "-" + owner.astype("str"),
        "status": params.status,
        "test": params.test,
        "shipping_code": shipping["shipping_code"],
        "pick_up_point_code": first_filled(rows["pick_up_point"]),
        "price_total": total,
        "price_currency": currency,
        "lines": owner.map(listed).astype("str"),
        "cash_on_delivery": _cash(rows, total, currency, params.cash_on_delivery, owner),
        "customer": _customers(rows, phone, country),
        "comments": _comments(rows),
        "shipment_id": rows["shipment_id"] if of_shipments else pd.Series(None, index=rows.index, dtype="str"),
        "capture": due & params.capture,
        "owner_id": owner,
        "ordered": rows["order_date"],
        "state": pd.Series(None, index=rows.index, dtype="str") if of_shipments else rows["order_status"],
        "held": pd.Series(False, index=rows.index)
        if of_shipments
        else is_true(rows["hold"]) | is_true(rows["waiting_for_payment"]),
        "owed": due,
        "shipping_method": shipping["shipping_method"],
        "codes": owner.map(codes).astype("str"),
        "line_fault": owner.map(faults).astype("str"),
        "unnamed": _missing(rows, country),
        "phoneless": phone.isna(),
        "odd": _odd(rows, owner, total, currency, params),
    }
    return pd.DataFrame(made, index=rows.index)


def _taxed(picked: pd.DataFrame, rows: pd.DataFrame, taxes: pd.DataFrame) -> pd.DataFrame:
    """Lines of shipments tell no tax: it stands in the order's."""
    orders = picked["owner_id"].map(rows.drop_duplicates("owner_id").set_index("owner_id")["order_id"])
    known = taxes.drop_duplicates(["order_id", "line_id"]).set_index(["order_id", "line_id"])["tax_percent"]
    found = known.reindex(pd.MultiIndex.from_arrays([orders, picked["line_id"]]))
    own = picked["tax_percent"].astype("str")
    return picked.assign(tax_percent=own.where(own.notna(), pd.Series(found.to_numpy(), picked.index).astype("str")))


def _order_lines(lines: pd.DataFrame) -> str:
    told = []
    prices, taxes = (money(_rounded(lines[name])) for name in ("price", "tax_percent"))
    for code, quantity, price, tax in zip(lines["code"], lines["quantity"], prices, taxes, strict=True):
        line: dict[str, Any] = {"code": code, "quantity": 0 if pd.isna(quantity) else int(quantity)}
        if isinstance(price, Decimal):
            line["unitPrice"] = price
        if isinstance(tax, Decimal):
            line["vatPercentage"] = tax
        told.append(line)
    return _text(told)


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
    told = [_text({k: v for k, v in zip(columns, row, strict=True) if isinstance(v, str)}) for row in cells]
    return pd.Series(told, index=rows.index, dtype="str")


def _missing(rows: pd.DataFrame, country: pd.Series) -> pd.Series:
    """What myOGO requires of an address and is not there, in words; "" for nothing."""
    there = {
        "name": first_filled(rows["name"], rows["company"]).notna(),
        "address": first_filled(rows["address"]).notna(),
        "city": first_filled(rows["city"]).notna(),
        "two-letter country": country.str.fullmatch("[A-Z]{2}").fillna(False).astype(bool),
    }
    cells = zip(*there.values(), strict=True)
    told = [", ".join(name for name, ok in zip(there, row, strict=True) if not ok) for row in cells]
    return pd.Series(told, index=rows.index, dtype="str")


def _comments(rows: pd.DataFrame) -> pd.Series:
    """What Ingrid's checkout asked for the courier."""
    door = "Door code: " + first_filled(rows["door_code"])
    courier = first_filled(rows["courier_instructions"])
    return (door + ". " + courier).fillna(door).fillna(courier)


def _cash(
    rows: pd.DataFrame, total: pd.Series, currency: pd.Series, plugins: tuple[str, ...], owner: pd.Series
) -> pd.Series:
    """For orders whose payment plugin is one of `plugins`."""
    cells = zip(_on_delivery(rows, plugins), total, currency, owner, strict=True)
    told = [
        _text({"amount": amount, "currencyCode": code, "reference": own})
        if one and isinstance(amount, Decimal) and isinstance(code, str)
        else None
        for one, amount, code, own in cells
    ]
    return pd.Series(told, index=rows.index, dtype="str")


def _on_delivery(rows: pd.DataFrame, plugins: tuple[str, ...]) -> pd.Series:
    known = [plugin.strip().casefold() for plugin in plugins]
    return rows["payment_plugin"].fillna("").str.strip().str.casefold().isin(known)


def _odd(rows: pd.DataFrame, owner: pd.Series, total: pd.Series, currency: pd.Series, params: Params) -> pd.Series:
    """What keeps an order back because it cannot be read beyond doubt."""
    fields = SHIPMENTS if params.source == "shipments" else ORDERS
    found = {
        "its number is no order's": ~owner.str.fullmatch(NUMBER),
        "it has no date": first_filled(rows["order_date"]).isna(),
        "its total is no plain number": first_filled(rows["total"]).notna() & total.isna(),
        "cash on delivery without an amount or a currency": _on_delivery(rows, params.cash_on_delivery)
        & (total.isna() | currency.isna()),
    }
    if params.source == "orders":
        found["its status is not told"] = first_filled(rows["order_status"]).isna()
    told = mismatches_in(
        rows["extra"], [field.vendor for field in fields if field.on_type_mismatch == "withhold"]
    ).fillna("")
    for words, hit in found.items():
        told = told.mask(hit.fillna(False).astype(bool), told + "; " + words)
    return told.str.removeprefix("; ")


def _text(value: Any) -> str:
    """JSON; money with the digits that it has, which a float would not keep."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, Decimal):
        cents = value.quantize(_CENT)
        return format(cents if cents == value else value.normalize(), "f")
    return json.dumps(value, ensure_ascii=False)

"""Converts Centra's shipments (or orders) to orders for myOGO."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.fields.centra_orders import LINES_KEY, NUMBER, ORDERS, PERSONAL, SHIPMENTS
from schemas.fields.spec import withholding
from transforms.address import missing_fields, needs_a_state, one_line, phone_of
from transforms.order_lines import NO_GOODS, PickRules, is_true, payment_due, pickable_lines
from transforms.order_money import order_amounts, rounded, unit_prices, units_by_line
from transforms.order_totals import amounts_of
from transforms.price import money, plain_money
from transforms.shipping import shipping_codes
from transforms.text import capitals, first_filled
from transforms.type_mismatch import mismatches_in

Stop = Literal["hold", "waiting_for_payment", "suspect"]
# Why Centra does not want an order to leave, in words.
_STOPS: Mapping[Stop, str] = {
    "hold": "it is on hold",
    "waiting_for_payment": "it waits for its payment",
    "suspect": "it is marked as suspect",
}
NOT_LISTED = "Centra does not list its order, as for an order on hold"


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
    withhold_while: tuple[Stop, ...] = ("hold", "waiting_for_payment", "suspect")
    amounts_must_match: bool = True
    not_goods: tuple[str, ...] = ()
    warehouses: tuple[str, ...] = ()
    pick_up_methods: tuple[str, ...] = ()
    customer_note: bool = False
    look_back_days: Annotated[int, Field(ge=1, le=3650)] = 90
    personal_days: Annotated[int, Field(ge=0, le=3650)] = 14


@plain_dataclass(frozen=True)
class OrderFacts:
    """What else is known about the rows.

    `orders` and `lines` are Centra's orders and their lines, as staged; `collected` has `order_id`, `reference` and
    `amount` (decimal, null for none) of each order that myOGO has from us: what its carrier collects.
    `not_goods_codes` are the codes whose category matches `not_goods`. `kept_codes` are those of `PickRules`.
    """

    orders: pd.DataFrame
    lines: pd.DataFrame
    collected: pd.DataFrame
    not_goods_codes: frozenset[str] = frozenset()
    kept_codes: Mapping[str, str] = field(default_factory=dict)


def pick_rules(params: Params, not_goods_codes: frozenset[str], kept_codes: Mapping[str, str]) -> PickRules:
    return PickRules(params.contents_are, params.not_goods, not_goods_codes, params.warehouses, kept_codes)


def to_myogo(rows: pd.DataFrame, lines: pd.DataFrame, facts: OrderFacts, params: Params, prefix: str) -> pd.DataFrame:
    """One row per shipment (or order), in the given sequence, on a fresh index; no row is dropped.

    `rows` are staged shipments or orders, `lines` their lines (`source_id`). Columns of the order: `reference`
    (`prefix-id`), `status`, `test`, `shipping_code`, `pick_up_point_code`, `price_total` (decimal: the share of the
    order's total, else the row's own total), `price_currency`, `lines` (JSON list of myOGO's order lines),
    `cash_on_delivery` (JSON object or null), `customer` and `comments` (both personal), `shipment_id`, `capture`
    (whether to capture the payment first).

    Further columns: `source_id` (of the shipment or order), `ordered` (text as sent), `order_status` (Centra's), `held`
    (why Centra does not want it to leave, in words; "" for no reason), `payment_due`, `shipping_method`, `codes` (JSON
    list), `line_problem`, `no_goods` (the codes that are left out for not being goods, quoted), `nothing_to_pick`
    (whether all its lines are left out), `share` and `collects` (decimals to compare with myOGO: its share of the
    order's total, and what is paid on delivery; null if not known), `paid_on_delivery`, `amount_problem`,
    `missing_address_fields`, `phone_problem`, `lacks_pick_up_point`, `lacks_state`, and `unreadable` (the values that
    cannot be used). Problems are words, "" for none; `line_problem` is null for none.
    """
    rows = rows.reset_index(drop=True)
    rows = rows.assign(**{name: one_line(rows[name]) for name in (*PERSONAL, "country", "pick_up_point")})
    from_shipments = params.source == "shipments"
    source_id = rows["shipment_id" if from_shipments else "order_id"]
    rows = rows.assign(source_id=source_id, reference=prefix + "-" + source_id.astype("str"))
    rules = pick_rules(params, facts.not_goods_codes, facts.kept_codes)
    picked = pickable_lines(lines, rules)
    priced, contradictions = _with_order_prices(picked.lines, rows, facts)
    order_lines = {key: _order_lines(group) for key, group in priced.groupby("source_id")}
    codes = priced.groupby("source_id")["code"].agg(lambda values: json.dumps(sorted(set(values))))
    left_out = picked.left_out.groupby("source_id")["code"].agg(list)
    no_goods = picked.left_out[picked.left_out["reason"] == NO_GOODS].groupby("source_id")["code"].agg(_quoted)
    due = payment_due(rows) if from_shipments else pd.Series(False, index=rows.index)
    shipping = shipping_codes(rows, params.shipping)
    currency = capitals(first_filled(rows["currency"]))
    on_delivery = _is_on_delivery(rows, params.cash_on_delivery)
    amounts = amounts_of(
        rows.assign(on_delivery=on_delivery),
        units_by_line(lines) if from_shipments else None,
        order_amounts(facts.orders, facts.lines, rules),
        facts.collected,
        contradictions if params.amounts_must_match else None,
    )
    phone = phone_of(rows)
    country = capitals(first_filled(rows["country"]))
    pick_up_point = first_filled(rows["pick_up_point"])
    columns = {
        "reference": rows["reference"],
        "status": params.status,
        "test": params.test,
        "shipping_code": shipping["shipping_code"],
        "pick_up_point_code": pick_up_point,
        "price_total": amounts["price_total"],
        "price_currency": currency,
        "lines": source_id.map(order_lines).astype("str"),
        "cash_on_delivery": _cash_on_delivery(amounts["collects"], currency, source_id),
        "customer": _customers(rows, phone["phone"], country),
        "comments": _comments(rows, params.customer_note),
        "shipment_id": rows["shipment_id"] if from_shipments else pd.Series(None, index=rows.index, dtype="str"),
        "capture": due & params.capture,
        "source_id": source_id,
        "ordered": rows["order_date"],
        "order_status": pd.Series(None, index=rows.index, dtype="str") if from_shipments else rows["order_status"],
        "held": _held(rows, facts.orders, params),
        "payment_due": due,
        "shipping_method": shipping["shipping_method"],
        "codes": source_id.map(codes).astype("str"),
        "line_problem": source_id.map(picked.problems).astype("str"),
        "no_goods": source_id.map(no_goods).astype("str").fillna(""),
        "nothing_to_pick": ~source_id.isin(order_lines) & source_id.isin(left_out.index),
        "share": amounts["share"],
        "collects": amounts["collects"],
        "paid_on_delivery": on_delivery,
        "amount_problem": amounts["problem"],
        "missing_address_fields": missing_fields(rows, country),
        "phone_problem": phone["phone_problem"],
        "lacks_pick_up_point": shipping["shipping_code"].isin(params.pick_up_methods) & pick_up_point.isna(),
        "lacks_state": needs_a_state(rows, country),
        "unreadable": _unreadable(rows, source_id, amounts["price_total"], currency, params),
    }
    return pd.DataFrame(columns)


def _quoted(codes: pd.Series) -> str:
    return ", ".join(repr(code) for code in dict.fromkeys(codes))


def _with_order_prices(
    picked: pd.DataFrame, rows: pd.DataFrame, facts: OrderFacts
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The lines with `unit_price` (decimal, tax included) and `tax_percent`, and the contradictions by `source_id`.
    Lines of shipments have no tax; it is taken from the order's lines."""
    of_row = rows.drop_duplicates("source_id").set_index("source_id")["order_id"]
    picked = picked.assign(order_id=picked["source_id"].map(of_row).astype("str"))
    known = facts.lines.drop_duplicates(["order_id", "line_id"]).set_index(["order_id", "line_id"])["tax_percent"]
    from_order = known.reindex(pd.MultiIndex.from_arrays([picked["order_id"], picked["line_id"]]))
    own = picked["tax_percent"].astype("str")
    prices, contradictions = unit_prices(picked, facts.lines)
    tax = own.where(own.notna(), pd.Series(from_order.to_numpy(), picked.index).astype("str"))
    return picked.assign(tax_percent=tax, unit_price=prices), contradictions


def _order_lines(lines: pd.DataFrame) -> str:
    order_lines = []
    taxes = money(rounded(lines["tax_percent"]))
    for code, quantity, price, tax in zip(lines["code"], lines["quantity"], lines["unit_price"], taxes, strict=True):
        line: dict[str, Any] = {"code": code, "quantity": 0 if pd.isna(quantity) else int(quantity)}
        if isinstance(price, Decimal):
            line["unitPrice"] = price
        if isinstance(tax, Decimal):
            line["vatPercentage"] = tax
        order_lines.append(line)
    return _to_json(order_lines)


def _held(rows: pd.DataFrame, orders: pd.DataFrame, params: Params) -> pd.Series:
    """Why each row must wait, by its own flags and those of its order. A plugin hides orders on hold by default."""
    by_id = orders.drop_duplicates("order_id").set_index("order_id")
    held = pd.Series("", index=rows.index)
    for stop in params.withhold_while:
        of_order = rows["order_id"].map(by_id[stop]).astype("str")
        applies = is_true(rows[stop]) | is_true(of_order)
        held = held.mask(applies, held + " and " + _STOPS[stop])
    if "hold" in params.withhold_while:
        looked_for = rows["order_date"].fillna("") >= f"{params.starting:%Y-%m-%d}"
        held = held.mask((held == "") & looked_for & ~rows["order_id"].isin(by_id.index), NOT_LISTED)
    return held.str.removeprefix(" and ")


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
    customers: list[dict[str, str]] = [{} for _ in range(len(rows))]
    for key, texts in columns.items():
        for place, text in enumerate(texts):
            if isinstance(text, str):
                customers[place][key] = text
    return pd.Series([*map(_to_json, customers)], index=rows.index, dtype="str")


def _comments(rows: pd.DataFrame, with_note: bool) -> pd.Series:
    """The courier instructions from Ingrid's checkout, and the customer's note if the channel passes it on."""
    door = "Door code: " + first_filled(rows["door_code"])
    courier = first_filled(rows["courier_instructions"])
    courier = (door + ". " + courier).fillna(door).fillna(courier)
    if not with_note:
        return courier
    note = first_filled(rows["note"])
    return (courier + ". " + note).fillna(courier).fillna(note)


def _cash_on_delivery(collects: pd.Series, currency: pd.Series, source_id: pd.Series) -> pd.Series:
    """The JSON object for orders that are paid on delivery; null for others, and if there is nothing left to pay."""
    texts = [
        _to_json({"amount": amount, "currencyCode": code, "reference": reference})
        if isinstance(amount, Decimal) and amount > 0 and isinstance(code, str)
        else None
        for amount, code, reference in zip(collects, currency, source_id, strict=True)
    ]
    return pd.Series(texts, index=collects.index, dtype="str")


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
        "its total is not a plain number": first_filled(rows["total"]).notna() & money(rounded(rows["total"])).isna(),
        "cash on delivery without an amount or a currency": _is_on_delivery(rows, params.cash_on_delivery)
        & (total.isna() | currency.isna()),
    }
    if params.source == "orders":
        problems["it has no status"] = first_filled(rows["order_status"]).isna()
    messages = mismatches_in(rows["extra"], [LINES_KEY, *withholding(fields)]).fillna("")
    for problem, applies in problems.items():
        messages = messages.mask(applies, messages + "; " + problem)
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

"""The amounts of an order: what its lines cost with tax, what it costs in total, and the share of each shipment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from schemas.order_amounts import CENT, ROUNDING, shown
from transforms.order_lines import PickRules, is_no_goods, is_true, plain
from transforms.price import money
from transforms.sku import combined_code

_HUNDRED = Decimal(100)
_FOUR_DECIMALS = Decimal("0.0001")
_MORE_THAN_4_DECIMALS = re.compile(r"\s*-?[0-9]{1,14}\.[0-9]{5,30}\s*", re.ASCII)
_TOTALS = ("total", "shipping_value", "voucher_value", "tax_added", "tax_deducted")


@dataclass(frozen=True)
class OrderLine:
    """One line of an order in Centra. `gross` is `totalPriceWithTax`, for all units; `price` is for one unit, and may
    be without tax; None if Centra does not say it. `in_bundle` is true for a bundle and for what it consists of,
    `is_goods` false for a line that no parcel contains."""

    quantity: int
    price: Decimal | None
    tax_percent: Decimal | None
    gross: Decimal | None
    in_bundle: bool
    is_goods: bool = True

    @property
    def total(self) -> Decimal | None:
        """The price of all units, with tax if Centra says it."""
        if self.gross is not None:
            return self.gross
        return None if self.price is None else self.price * self.quantity


@dataclass(frozen=True)
class OrderAmounts:
    """The amounts of one order in Centra; None for what Centra does not say. `lines` are by line id and without the
    contents of bundles; None if they cannot be distinguished."""

    total: Decimal | None
    shipping_value: Decimal | None
    voucher_value: Decimal | None
    tax_added: Decimal | None
    tax_deducted: Decimal | None
    lines: Mapping[str, OrderLine] | None

    def share(self, quantities: Mapping[str, int] | None) -> Decimal | None:
        """What a shipment with these units by line id costs, in cents: the total in proportion to the prices of its
        goods. None if it is not known. The shares of all shipments of an order add up to its total, but for rounding,
        also if it has lines that are no goods."""
        if self.total is None or self.lines is None or quantities is None or not quantities.keys() <= self.lines.keys():
            return None
        goods = {line_id: line for line_id, line in self.lines.items() if line.is_goods}
        quantities = {line_id: quantity for line_id, quantity in quantities.items() if line_id in goods}
        if quantities == {line_id: line.quantity for line_id, line in goods.items()}:
            return _cents(self.total)
        totals = {line_id: line.total for line_id, line in goods.items()}
        everything = sum((total or Decimal(0) for total in totals.values()), Decimal(0))
        if None in totals.values() or everything <= 0:
            return None
        parts = [
            (totals[line_id] or Decimal(0)) * quantity / goods[line_id].quantity
            for line_id, quantity in quantities.items()
            if goods[line_id].quantity
        ]
        return _cents(self.total * sum(parts, Decimal(0)) / everything)

    def contradiction(self) -> str:
        """Why the lines, shipping and voucher do not make the total, with all amounts; "" if they do, or if it cannot
        be said. Whether shipping and voucher are with or without tax is not documented, so both are accepted."""
        shipping, voucher = self.shipping_value, self.voucher_value
        if self.lines is None or self.total is None or shipping is None or voucher is None:
            return ""
        lines = list(self.lines.values())
        totals = [line.total for line in lines]
        if None in totals or any(line.in_bundle for line in lines):
            return ""
        items = sum((total or Decimal(0) for total in totals), Decimal(0))
        rate = 1 + max((line.tax_percent or Decimal(0) for line in lines), default=Decimal(0)) / _HUNDRED
        tax = (self.tax_added or Decimal(0)) - (self.tax_deducted or Decimal(0))
        sums = [
            items + ship - off + added
            for ship in (shipping, shipping * rate)
            for off in (voucher, voucher * rate)
            for added in (Decimal(0), tax)
        ]
        if any(abs(one - self.total) <= ROUNDING + CENT * len(lines) for one in sums):
            return ""
        parts = f"lines {shown(items)}, shipping {shown(shipping)} and voucher -{shown(voucher)} make {shown(sums[0])}"
        return f"{parts}, but its total is {shown(self.total)}"


def order_amounts(orders: pd.DataFrame, lines: pd.DataFrame, rules: PickRules) -> dict[str, OrderAmounts]:
    """The amounts of each staged order, by `order_id`. `lines` are the staged lines of all orders; `rules` say which of
    them are no goods."""
    by_order = _order_lines(lines.assign(no_goods=is_no_goods(combined_code(lines), rules)))
    orders = orders.drop_duplicates("order_id")
    amounts = [_decimals(orders[name]) for name in _TOTALS]
    return {
        order_id: OrderAmounts(total, shipping, voucher, added, deducted, by_order.get(order_id))
        for order_id, total, shipping, voucher, added, deducted in zip(orders["order_id"], *amounts, strict=True)
    }


def units_by_line(lines: pd.DataFrame) -> dict[str, dict[str, int] | None]:
    """By `source_id`: the units of each line that is not inside a bundle; None if they cannot be read."""
    units: dict[str, dict[str, int] | None] = {}
    on_top = lines[lines["inside"].isna()]
    cells = zip(on_top["source_id"], on_top["line_id"], on_top["quantity"].astype("Int64"), strict=True)
    for source_id, line_id, quantity in cells:
        known = units.setdefault(source_id, {})
        if known is None or pd.isna(line_id) or pd.isna(quantity) or line_id in known:
            units[source_id] = None
        else:
            known[line_id] = int(quantity)
    return units


def unit_prices(lines: pd.DataFrame, order_lines: pd.DataFrame) -> tuple[pd.Series, dict[str, str]]:
    """The price of one unit with tax, for each of `lines` (decimal; null if Centra does not say it); and by `source_id`
    the lines whose price contradicts their order's (texts, for such orders only).

    `lines` have `source_id`, `order_id`, `line_id` and `price`; the price may be without tax. It is if the order's line
    costs just that much more. Where it is neither with nor without tax what the order says, it is a contradiction.
    """
    of_orders = _all_lines(order_lines.assign(no_goods=False))
    known = {(order_id, line_id): line for order_id, of_order in of_orders for line_id, line in of_order}
    prices: list[Decimal | None] = []
    contradictions: dict[str, list[str]] = {}
    cells = zip(lines["source_id"], lines["order_id"], lines["line_id"], _decimals(lines["price"]), strict=True)
    for source_id, order_id, line_id, price in cells:
        line = known.get((order_id, line_id))
        if line is None or line.gross is None or price is None or line.quantity <= 0:
            prices.append(price)
            continue
        gross = line.gross / line.quantity
        with_tax = price * (1 + (line.tax_percent or Decimal(0)) / _HUNDRED)
        if abs(price - gross) <= CENT:
            prices.append(price)
        elif line.tax_percent and abs(with_tax - gross) <= CENT:
            prices.append(_cents(gross))
        else:
            prices.append(price)
            if not line.in_bundle:
                text = f"line {line_id} costs {shown(price)} each, and {shown(gross)} in its order"
                contradictions.setdefault(source_id, []).append(text)
    texts = {source_id: "; ".join(found[:3]) for source_id, found in contradictions.items()}
    return pd.Series(prices, index=lines.index), texts


def settled(shares: dict[str, Decimal], total: Decimal, collected: Decimal) -> tuple[dict[str, Decimal], str]:
    """What each parcel of an order that is not sent yet collects, and a problem in words ("" for none).

    `shares` are the parcels that are not sent yet, in their sequence; `collected` is what those that myOGO has collect.
    If these are all parcels of the order, the last one takes the difference that rounding leaves; if it collects less
    than that, the ones before it too. One that comes after the total has been reached, because its few cents were taken
    for such a difference, collects nothing. If the parcels would collect more than the order's total, that is a
    problem.
    """
    left = total - collected - sum(shares.values(), Decimal(0))
    if shares and collected <= total and abs(left) <= (2 * ROUNDING if collected == total else ROUNDING):
        return _with_difference(shares, left), ""
    if left < 0:
        in_myogo = f", {shown(collected)} of it by parcels that myOGO has" if collected else ""
        wanted = shown(total - left)
        return dict(shares), f"its parcels would collect {wanted}{in_myogo}, but its total is {shown(total)}"
    return dict(shares), ""


def _with_difference(shares: dict[str, Decimal], left: Decimal) -> dict[str, Decimal]:
    """The shares with `left` added to the last one. None falls below zero: the ones before it give the rest."""
    collects = dict(shares)
    for one in reversed(shares):
        collects[one] = max(shares[one] + left, Decimal(0))
        left -= collects[one] - shares[one]
    return collects


def with_amounts(live: pd.DataFrame) -> pd.DataFrame:
    """myOGO's orders with `total` and `collects` (decimals, None if myOGO does not say): from the staged `price_total`
    and `cash_on_delivery` (JSON)."""
    cash = live["cash_on_delivery"].map(_amount_in, na_action="ignore").astype("str")
    amounts = {"total": _decimals(live["price_total"].astype("str")), "collects": _decimals(cash)}
    return live.assign(**{name: pd.Series(values, live.index) for name, values in amounts.items()})


def _amount_in(text: str) -> str | None:
    document = json.loads(text, parse_float=str, parse_int=str)
    amount = document.get("amount") if isinstance(document, dict) else None
    return amount if isinstance(amount, str) else None


def rounded(amounts: pd.Series) -> pd.Series:
    """Plain numbers, rounded to 4 decimals: a share of a discount, or a float, may have more."""

    def round_text(text: str) -> str:
        has_more_decimals = _MORE_THAN_4_DECIMALS.fullmatch(text)
        return format(Decimal(text.strip()).quantize(_FOUR_DECIMALS), "f") if has_more_decimals else text

    return amounts.map(round_text, na_action="ignore").astype("str")


def _order_lines(lines: pd.DataFrame) -> dict[str, Mapping[str, OrderLine] | None]:
    """The lines that are not inside a bundle, by order and line id; None for an order whose line ids are not unique."""
    by_order: dict[str, Mapping[str, OrderLine] | None] = {}
    for order_id, found in _all_lines(lines[lines["inside"].isna()]):
        ids = [line_id for line_id, _ in found]
        unique = len(set(ids)) == len(ids) and None not in ids
        by_order[order_id] = {str(line_id): line for line_id, line in found} if unique else None
    return by_order


def _all_lines(lines: pd.DataFrame) -> Iterable[tuple[str, list[tuple[str | None, OrderLine]]]]:
    """By order, each line with its id."""
    in_bundle = is_true(lines["is_bundle"]) | ~plain(lines["part_of_bundle"]).isin(["", "0", "false"])
    in_bundle |= lines["inside"].notna()
    found: dict[str, list[tuple[str | None, OrderLine]]] = {}
    columns = (_decimals(lines[name]) for name in ("price", "tax_percent", "total_with_tax"))
    ids, quantities = zip(lines["order_id"], lines["line_id"], strict=True), lines["quantity"].astype("Int64")
    cells = zip(ids, quantities, *columns, in_bundle, lines["no_goods"], strict=True)
    for (order_id, line_id), quantity, price, tax, gross, bundle, no_goods in cells:
        units = 0 if pd.isna(quantity) else int(quantity)
        line = OrderLine(units, price, tax, gross, bool(bundle), not no_goods)
        found.setdefault(order_id, []).append((None if pd.isna(line_id) else line_id, line))
    return found.items()


def _decimals(texts: pd.Series) -> list[Decimal | None]:
    amounts = money(rounded(texts))
    return [amount if isinstance(amount, Decimal) else None for amount in amounts]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT)

"""The base of the order flows: they read from a day on, and recognise their own orders by the reference."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.core.json_codec import decode
from pipelines.engine.flow import Flow, StagedRows
from pipelines.state.store import Store
from pipelines.systems.system import CheckResult, SystemCheck
from schemas.fields.centra_orders import LINES, LINES_KEY, NUMBER, ORDERS, SHIPMENTS, STATUSES
from schemas.fields.spec import withholding
from schemas.order_destination import destination_of

ORDERS_FLOW, TRACKING_FLOW = "orders", "tracking"
LINE_COLUMNS = ["position", "inside", *(field.column for field in LINES), "extra"]


class OrderFlow(Flow):
    """A flow of orders or shipments. Rows that must not be acted on are withheld one by one."""

    kind = "window"
    permissions: ClassVar = {"myogo": ("read:order", "write:order")}

    def window(self, now: datetime) -> datetime:
        return window_of(self.params, now)

    @classmethod
    def describe_create(cls, after: Mapping[str, Any]) -> tuple[str, ...]:
        lines = decode(after["lines"].encode()) if after.get("lines") else []
        units = sum(line.get("quantity") or 0 for line in lines)
        on_delivery = after.get("cash_on_delivery")
        facts = [
            f"{len(lines)} line{'s' * (len(lines) != 1)}",
            f"{units} unit{'s' * (units != 1)}",
            f"{after.get('price_total')} {after.get('price_currency')}" if after.get("price_total") is not None else "",
            str(after.get("shipping_code") or ""),
            "test order" if after.get("test") else "real order",
            "payment will be captured" if after.get("capture") else "",
            "paid to the carrier" if on_delivery else "",
        ]
        return (", ".join(filter(None, facts)), *(_line(line) for line in lines))

    @classmethod
    def codes_named(cls, number: str) -> str | None:
        """References and shipments of the order (or shipment) with this number in Centra."""
        return f"([^-]+-)?{number}(-[0-9]+)?" if re.fullmatch(NUMBER, number) else None

    @classmethod
    def mapped_methods(cls, params: Any) -> dict[str, str] | None:
        """The shipping methods that the flow maps; None if it maps none."""
        return None

    @classmethod
    def extra_checks(cls, system: str, params: Any) -> Sequence[SystemCheck]:
        if system == "centra":
            from pipelines.systems.centra.preflight import OrderListChecks

            return OrderListChecks(cls.mapped_methods(params)).checks()
        return [SystemCheck("orders", _orders_are_listed)]


def _orders_are_listed(client: Any) -> CheckResult:
    from pipelines.systems.myogo.preflight import orders_are_listed

    return orders_are_listed(client)


def _line(line: Mapping[str, Any]) -> str:
    """A line of a planned order: units, code and the price of one unit, where it is known."""
    price = line.get("unitPrice")
    return f"{line.get('quantity')} x {line.get('code')}" + (f", {price} each" if price is not None else "")


def window_of(params: Any, now: datetime) -> datetime:
    """The moment (UTC) from which a flow with these parameters reads: `starting`, but at most `look_back_days` ago."""
    starting = datetime.combine(params.starting, time.min)
    return max(starting - timedelta(days=1), now - timedelta(days=params.look_back_days))


def orders_params(channel: Channel) -> Any:
    """The parameters of the channel's orders flow; None if it has no such flow."""
    return channel.flow_params(ORDERS_FLOW) if ORDERS_FLOW in channel.flows else None


def reference_prefix(channel: Channel, params: Any) -> str:
    """The prefix of our references, so that two shops of one merchant never use the same reference.

    It is the prefix of the flow, else that of the orders flow, else the channel's name.
    """
    orders = orders_params(channel)
    return str(params.prefix or (orders and orders.prefix) or channel.name.replace("-", "_"))


def of_source(source: Literal["shipments", "orders"]) -> Sequence[StagedRows]:
    """The staged rows of Centra's shipments (or orders) that become orders."""
    fields, key = (SHIPMENTS, "shipment_id") if source == "shipments" else (ORDERS, "order_id")
    needed = (*withholding(fields), LINES_KEY)
    return (
        StagedRows(f"raw_centra.{source}", f"Centra's list of {source}", key, needed),
        StagedRows(
            f"raw_centra.{source[:-1]}_lines", f"The lines in Centra's list of {source}", key, withholding(LINES)
        ),
    )


def beginning_of(starting: date, channel: Channel) -> pd.Timestamp:
    """The beginning of the starting day in the shop's time zone (`systems.centra.timezone`, else UTC)."""
    centra: Any = channel.systems["centra"]
    return pd.Timestamp(datetime.combine(starting, time.min, ZoneInfo(centra.timezone or "UTC")))


def is_since(starting: date, ordered: pd.Series) -> pd.Series:
    """Whether each order was placed on or after the starting day. `ordered` are Centra's dates, which are in the shop's
    time zone; also true for an order without a date."""
    ordered = ordered.fillna("")
    return (ordered >= f"{starting:%Y-%m-%d}") | (ordered == "")


def sent_references(store: Store) -> set[str]:
    """The references of the orders that we have sent, also of those whose outcome is unknown."""
    rows = store.connection.execute(
        f"select distinct key from sync.journal where flow = '{ORDERS_FLOW}' and outcome in ('applied', 'unknown')"
    ).fetchall()
    return {key for (key,) in rows}


def own_orders(live: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The orders whose reference begins with the prefix. Adds `source_id`: the shipment or order in Centra."""
    is_own = live["reference"].str.fullmatch(f"{re.escape(prefix)}-{NUMBER}")
    own = live[is_own.fillna(False).astype(bool)].reset_index(drop=True)
    return own.assign(source_id=own["reference"].str.slice(len(prefix) + 1))


def previously_sent_references(store: Store, table: Literal["shipments", "orders"]) -> list[str]:
    """References that we have sent under any prefix, for an order of Centra in `table`, and that myOGO's list no longer
    has. They must be looked up: the journal does not prove that the current merchant has them."""
    rows = store.connection.execute(
        f"select distinct key from sync.journal where flow = '{ORDERS_FLOW}' and outcome in ('applied', 'unknown') and "
        f"regexp_extract(key, '-([0-9]+)(-[0-9]+)?$', 1) in (select order_id from raw_centra.{table}) "
        "and key not in (select reference from raw_myogo.orders) order by 1"
    ).fetchall()
    return [key for (key,) in rows]


def open_orders(store: Store, all_orders: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The rows of `all_orders` (`reference`, `status`) that are open orders of ours, with `source_id`.

    An order is ours if it has our prefix or if we sent it under another one. It is open unless it is cancelled,
    returned, or shipped and completed in Centra.
    """
    keys = store.connection.execute(f"select distinct key from sync.journal where flow = '{ORDERS_FLOW}'").fetchall()
    parts = all_orders["reference"].str.extract(f"^([^-]*)-({NUMBER})$")
    is_own = all_orders["reference"].isin([key for (key,) in keys]) | (parts[0] == prefix)
    rows = all_orders.assign(source_id=parts[1])[is_own.fillna(False).astype(bool) & parts[1].notna()]
    is_done = (rows["status"] == "shipped") & rows["source_id"].isin(completed(store))
    return rows[~is_done & ~rows["status"].isin(["cancelled", "returned"])]


def completed(store: Store) -> set[str]:
    """The ids of completed shipments and of their orders: those that Centra lists, and those that we completed."""
    listed = store.frame("raw_centra.completed_shipments", ["shipment_id", "order_id"])
    rows = store.connection.execute(
        f"select distinct key from sync.journal where flow = '{TRACKING_FLOW}' and outcome = 'applied'"
    ).fetchall()
    completed_here = {one for (key,) in rows for one in (key, order_id_of(key))}
    return {*listed["shipment_id"], *listed["order_id"], *completed_here}


def order_id_of(source_id: str) -> str:
    """The number of Centra's order, from the id of the order or of one of its shipments."""
    return source_id.partition("-")[0]


def destination_digest(rows: pd.DataFrame, key: str) -> list[str]:
    """A keyed digest of each row's texts. Equal texts give equal digests; without the key the texts stay secret.

    The part before the last dash identifies the digest's version and key; only digests with the same one are
    comparable.
    """
    secret = key.encode()
    version = f"1-{hmac.digest(secret, b'', 'sha256').hex()[:8]}"
    cells = rows.fillna("").astype("str").itertuples(index=False, name=None)
    return [f"{version}-{hmac.digest(secret, repr(cell).encode(), 'sha256').hex()[:24]}" for cell in cells]


def destinations_to_be(orders: pd.DataFrame, key: str) -> pd.DataFrame:
    """The digests of each order's destination as myOGO should have it, to compare with those staged of its orders:
    `address_digest`, and `pick_up_point_digest` ("" for an order without a pick-up point: myOGO may choose one)."""
    columns = orders[["reference", "customer", "shipping_code", "pick_up_point_code"]].astype(object)
    addresses, points = [], []
    for reference, customer, shipping_code, point in columns.where(columns.notna(), None).itertuples(index=False):
        wanted = destination_of(reference, decode(customer.encode()), shipping_code, point, key)
        addresses.append(wanted.address)
        points.append(wanted.pick_up_point if point else "")
    digests = {"address_digest": addresses, "pick_up_point_digest": points}
    return pd.DataFrame(digests, index=orders.index, dtype="str")


# What may change in Centra between reading an order and sending it without making it another order: whether its payment
# was taken is looked at when it is taken, and an order's status by its name.
_MAY_CHANGE = frozenset({"paid", "should_capture", "order_status", "source_id"})


def reading_digest(rows: pd.DataFrame, lines: pd.DataFrame, key: str) -> list[str]:
    """A keyed digest of all that was read of each row (`source_id` and the staged columns) and of its lines, in their
    sequence. The same answers of Centra give the same digests."""
    columns = [name for name in rows.columns if name not in _MAY_CHANGE]
    of_lines: dict[str, list[list[str]]] = {}
    named = [name for name in LINE_COLUMNS if name != "position"]
    lines = lines.sort_values("position", kind="stable")
    first = lines.groupby("source_id")["position"].transform("min")
    lines = lines.assign(inside=lines["inside"] - first)
    for source_id, *cells in lines[["source_id", *named]].itertuples(index=False, name=None):
        of_lines.setdefault(source_id, []).append([*map(_text_of, cells)])
    cells_of_rows = rows[columns].itertuples(index=False, name=None)
    texts = [
        repr(([*map(_text_of, cells)], of_lines.get(source_id, [])))
        for source_id, cells in zip(rows["source_id"], cells_of_rows, strict=True)
    ]
    return destination_digest(pd.DataFrame({"text": texts}, dtype="str"), key)


def _text_of(cell: Any) -> str:
    """The same text for a number whether its column has gaps or not; "" for null."""
    if pd.isna(cell):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def recorded_destinations(store: Store) -> dict[str, str]:
    """The digest of each order's destination when it was last sent, by reference."""
    rows = store.connection.execute(
        "select key, arg_max(json_extract_string(after, '$.destination'), run_id) "
        "from sync.changes join sync.journal using (run_id, flow, key) "
        f"where flow = '{ORDERS_FLOW}' and sync.changes.action = 'create' and outcome in ('applied', 'unknown') "
        "group by key"
    ).fetchall()
    return {key: digest for key, digest in rows if digest}


def status_names(statuses: pd.Series) -> pd.Series:
    """The statuses as names in small letters; "" for null."""
    texts = statuses.fillna("").str.strip().str.casefold()
    return texts.replace({str(number): name for number, name in enumerate(STATUSES)})

"""Converts myOGO's shipped orders to completions of Centra's shipments."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.fields.myogo_orders import FINAL
from transforms.order_lines import payment_due
from transforms.text import first_filled


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Carrier:
    """The names of carrier and service in Centra for one shipping code of myOGO. Parcels of a method that is not
    `tracked`, for example letters, never get a tracking number."""

    carrier: str
    service: str = ""
    tracked: bool = True


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Params:
    """`[flows.tracking.params]` of a channel file."""

    starting: date
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,40}$")] | None = None
    carriers: dict[str, Carrier] = field(default_factory=dict)
    capture: bool = False
    send_email: bool | None = None
    look_back_days: Annotated[int, Field(ge=1, le=3650)] = 30
    lines_must_match: bool = True
    wait_for_tracking_hours: Annotated[int, Field(ge=0, le=720)] = 24


def to_centra(orders: pd.DataFrame, shipments: pd.DataFrame, params: Params) -> pd.DataFrame:
    """One row per pair of an order in myOGO and its open shipment in Centra, and one per order without open shipment.

    `orders` are our orders (`reference`, `source_id`, `status`, `shipping_code`, `tracking_number`), `shipments` the
    open shipments (`shipment_id`, `order_id`, `paid`, `should_capture`). `source_id` names a shipment, or an order: the
    row's order then has all shipments of that order. Columns: those of `orders`; `shipment_id` (null for none);
    `payment_due` (whether its payment is still to be captured); `final` (one of FINAL or ""); `tracked` (whether its
    shipping method has tracking numbers); and for the completion `tracking` (numbers joined by ", ", null for none),
    `packages`, `carrier`, `service`. No shipment is in two rows.
    """
    still_open = shipments.assign(payment_due=payment_due(shipments))[["shipment_id", "order_id", "payment_due"]]
    matches = [orders.merge(still_open, left_on="source_id", right_on=key) for key in ("shipment_id", "order_id")]
    rows = pd.concat(matches).drop(columns="order_id").drop_duplicates("shipment_id")
    unmatched = orders[~orders["reference"].isin(rows["reference"])].assign(payment_due=False)
    rows = pd.concat([rows, unmatched]).sort_values(["reference", "shipment_id"], ignore_index=True)
    parcels = rows["tracking_number"].fillna("").map(tracking_numbers)
    carriers = rows["shipping_code"].map(lambda code: params.carriers.get(code) or Carrier(code), na_action="ignore")
    untracked = [code for code, one in params.carriers.items() if not one.tracked]
    status = rows["status"].str.casefold()
    return rows.assign(
        final=status.where(status.isin(FINAL), ""),
        tracked=~rows["shipping_code"].isin(untracked),
        tracking=first_filled(parcels.map(", ".join).astype("str")),
        packages=parcels.map(len).astype("int64").clip(lower=1),
        carrier=first_filled(carriers.map(lambda one: one.carrier, na_action="ignore").astype("str")),
        service=first_filled(carriers.map(lambda one: one.service, na_action="ignore").astype("str")),
    )


def utc_times(texts: pd.Series) -> pd.Series:
    """The moments of myOGO's times (ISO 8601, UTC if they have no offset); NaT for a text that is no time."""
    return pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")


def waits_for_tracking(rows: pd.DataFrame, now: datetime, params: Params) -> pd.Series:
    """Whether each shipped order may still get its tracking number: it has none, its method has such numbers, and it
    last changed in myOGO (`edit_time`) less than `wait_for_tracking_hours` before `now` (UTC). An order without a
    readable time does not wait, nor does one whose time is as far in the future."""
    patience = pd.Timedelta(hours=params.wait_for_tracking_hours)
    age = (pd.Timestamp(now, tz=UTC) - utc_times(rows["edit_time"])).abs()
    return (rows["final"] == "shipped") & rows["tracking"].isna() & rows["tracked"] & (age < patience)


def in_minutes(moment: pd.Timestamp) -> str:
    """A moment in UTC, in words."""
    return "unknown" if pd.isna(moment) else f"{moment:%Y-%m-%d %H:%M} UTC"


def units_of(picked: pd.DataFrame) -> dict[str, dict[str, Decimal]]:
    """By `source_id`, the units of each code in the picked lines of `transforms.order_lines`."""
    units: dict[str, dict[str, Decimal]] = {}
    summed: Any = picked.groupby(["source_id", "code"])["quantity"].sum()
    for (source_id, code), quantity in summed.items():
        units.setdefault(source_id, {})[code] = Decimal(int(quantity))
    return units


def tracking_numbers(text: str) -> list[str]:
    """The distinct tracking numbers in a text, in their order; myOGO separates them by commas."""
    return [*dict.fromkeys(part.strip() for part in text.split(",") if part.strip())]

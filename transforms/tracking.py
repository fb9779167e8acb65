"""What myOGO has shipped, as completed shipments of Centra."""

from __future__ import annotations

from dataclasses import field
from datetime import date
from decimal import Decimal
from typing import Annotated

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.fields.myogo_orders import FINAL
from transforms.order_lines import payment_due
from transforms.text import first_filled


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Carrier:
    """How Centra is to name the carrier and the service of one of myOGO's shipping codes."""

    carrier: str
    service: str = ""


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


def to_centra(orders: pd.DataFrame, shipments: pd.DataFrame, params: Params) -> pd.DataFrame:
    """One row per order of myOGO and open shipment of Centra that it is of; orders without one stand alone.

    `orders` are ours (`reference`, `source_id`, `status`, `shipping_code`, `tracking_number`), `shipments` those that
    are open (`shipment_id`, `order_id`, `paid`, `should_capture`): an order is of the shipment that `source_id` names,
    or of all shipments of that order. Columns: the orders', `shipment_id` and `payment_due` (whether its payment is
    still to be taken) or null and false without one, `final` (one of FINAL or ""), and of the completion `tracking`
    (numbers joined by ", ", null for none), `packages`, `carrier`, `service`. No shipment is in more than one row.
    """
    still_open = shipments.assign(payment_due=payment_due(shipments))[["shipment_id", "order_id", "payment_due"]]
    found = [orders.merge(still_open, left_on="source_id", right_on=own) for own in ("shipment_id", "order_id")]
    rows = pd.concat(found, ignore_index=True).drop(columns="order_id").drop_duplicates("shipment_id")
    alone = orders[~orders["reference"].isin(rows["reference"])].assign(shipment_id=None, payment_due=False)
    rows = pd.concat([rows, alone], ignore_index=True).sort_values(["reference", "shipment_id"], ignore_index=True)
    parcels = rows["tracking_number"].fillna("").map(numbers)
    named = rows["shipping_code"].map(lambda code: params.carriers.get(code) or Carrier(code), na_action="ignore")
    status = rows["status"].str.casefold()
    return rows.assign(
        shipment_id=rows["shipment_id"].astype("str"),
        payment_due=rows["payment_due"].astype(bool),
        final=status.where(status.isin(FINAL), ""),
        tracking=first_filled(parcels.map(", ".join).astype("str")),
        packages=parcels.map(len).astype("int64").clip(lower=1),
        carrier=first_filled(named.map(lambda own: own.carrier, na_action="ignore").astype("str")),
        service=first_filled(named.map(lambda own: own.service, na_action="ignore").astype("str")),
    )


def units_of(picked: pd.DataFrame) -> dict[str, dict[str, Decimal]]:
    """By `source_id`: the units of each code among the lines that `transforms.order_lines` picks."""
    found: dict[str, dict[str, Decimal]] = {}
    summed = picked.groupby(["source_id", "code"], as_index=False)["quantity"].sum()
    for own, code, quantity in summed[["source_id", "code", "quantity"]].itertuples(index=False, name=None):
        found.setdefault(own, {})[code] = Decimal(int(quantity))
    return found


def numbers(text: str) -> list[str]:
    """myOGO joins several by commas; each once, in their order."""
    return [*dict.fromkeys(part.strip() for part in text.split(",") if part.strip())]

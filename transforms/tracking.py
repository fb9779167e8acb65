"""What myOGO has shipped, as completed shipments of Centra."""

from __future__ import annotations

import json
from dataclasses import field
from datetime import date
from typing import Annotated

import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.myogo_orders import FINAL
from transforms.lines import owed
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

    `orders` are ours (`reference`, `owner_id`, `status`, `shipping_code`, `tracking_number`), `shipments` those that
    are open (`shipment_id`, `order_id`, `paid`, `should_capture`): an order is of the shipment that `owner_id` names,
    or of all shipments of that order. Columns: the orders', `shipment_id` and `owed` (whether its payment is still to
    be taken) or null and false without one, `final` (one of FINAL or ""), and of the completion `tracking` (numbers
    joined by ", ", null for none), `packages`, `carrier`, `service`. No shipment is in more than one row.
    """
    open_ones = shipments.assign(owed=owed(shipments))
    open_ones = open_ones[["shipment_id", "order_id", "owed"]]
    found = [orders.merge(open_ones, left_on="owner_id", right_on=own) for own in ("shipment_id", "order_id")]
    rows = pd.concat(found, ignore_index=True).drop(columns="order_id").drop_duplicates("shipment_id")
    alone = orders[~orders["reference"].isin(rows["reference"])].assign(shipment_id=None, owed=False)
    rows = pd.concat([rows, alone], ignore_index=True).sort_values(["reference", "shipment_id"], ignore_index=True)
    told = rows["tracking_number"].fillna("").map(numbers)
    named = rows["shipping_code"].map(lambda code: params.carriers.get(code) or Carrier(code), na_action="ignore")
    status = rows["status"].str.casefold()
    return rows.assign(
        shipment_id=rows["shipment_id"].astype("str"),
        owed=rows["owed"].astype(bool),
        final=status.where(status.isin(FINAL), ""),
        tracking=first_filled(told.map(", ".join).astype("str")),
        packages=told.map(len).astype("int64").clip(lower=1),
        carrier=first_filled(named.map(lambda own: own.carrier, na_action="ignore").astype("str")),
        service=first_filled(named.map(lambda own: own.service, na_action="ignore").astype("str")),
    )


def units(lines: pd.DataFrame) -> pd.Series:
    """By `owner_id`: the units of each code among the goods of `transforms.lines`, as a JSON object."""
    told = {}
    for own, of in lines.groupby("owner_id"):
        summed = of.groupby("code")["quantity"].sum()
        told[own] = json.dumps({code: int(quantity) for code, quantity in summed.items()}, sort_keys=True)
    return pd.Series(told, dtype="str")


def units_sent(lines: pd.Series) -> pd.Series:
    """The same of myOGO's order lines, staged as JSON; null where they cannot be read."""
    return lines.map(_units, na_action="ignore").astype("str")


def _units(text: str) -> str | None:
    found: dict[str, int] = {}
    try:
        for line in json.loads(text):
            code, quantity = str(line["code"]), int(line["quantity"])
            found[code] = found.get(code, 0) + quantity
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return json.dumps({code: quantity for code, quantity in found.items() if quantity}, sort_keys=True)


def numbers(text: str) -> list[str]:
    """myOGO joins several by commas; each once, in their order."""
    return [*dict.fromkeys(part.strip() for part in text.split(",") if part.strip())]

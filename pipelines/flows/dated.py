"""What the flows of orders have in common: they read from a day on, and know their own orders by their references."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any

import pandas as pd

from pipelines.channel import Channel
from pipelines.flows import Asked
from pipelines.flows.catalogue import Catalogue
from pipelines.limits import Violation
from pipelines.plan import Plan
from pipelines.store import Store
from schemas.centra_orders import NUMBER


class Dated:
    """A judge of orders or shipments; each of them that must not be acted on is withheld by itself."""

    of_catalogue = False
    scopes = ("read:order", "write:order")

    def __init__(self, asked: Asked, catalogue: Catalogue) -> None:
        self.asked, self.store, self.params = asked, catalogue.store, asked.params

    @staticmethod
    def since(params: Any, now: datetime) -> datetime:
        """From when on orders are asked for (UTC)."""
        starting = datetime.combine(params.starting, time.min)
        return max(starting - timedelta(days=1), now - timedelta(days=params.look_back_days))

    @staticmethod
    def people(params: Any) -> tuple[str, ...]:
        """The tables of the stage in which people must be known: none."""
        return ()

    @staticmethod
    def unlisted(store: Store, channel: Channel) -> list[str]:
        """What the lists did not show, because it is long ago, and has to be asked for one by one."""
        raise NotImplementedError

    def forbidden(self, plan: Plan) -> None:
        """Nothing is beyond --force but what is withheld row by row."""

    def at_most(self, key: str, action: str, plan: Plan, words: str) -> list[Violation]:
        """What the limit `key` on the changes of one kind says; `words` are what would become of them."""
        count, most = plan.count(action), getattr(self.asked.channel.flow_limits(self.asked.name), key)
        return [Violation(key, f"{count} {words}, more than {key} = {most}", True)] if count > most else []


def prefix_of(channel: Channel, params: Any) -> str:
    """What our references begin with, so that those of two shops in one merchant cannot meet.

    That of the flow, else that of the orders flow, else the channel's name.
    """
    orders = channel.flow_params("orders").prefix if "orders" in channel.flows else None
    return str(params.prefix or orders or channel.name.replace("-", "_"))


def ours(live: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """The orders whose reference begins with the prefix, with `owner_id`: the shipment or order that each is of."""
    mine = live["reference"].str.fullmatch(f"{re.escape(prefix)}-{NUMBER}")
    own = live[mine.fillna(False).astype(bool)].reset_index(drop=True)
    return own.assign(owner_id=own["reference"].str.slice(len(prefix) + 1))

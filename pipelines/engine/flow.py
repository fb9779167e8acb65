"""Flows: one entity moving one way. What is its own stands in its judge; the line around it is the same for all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pandas as pd

if TYPE_CHECKING:
    from pipelines.config.channel import Channel, FlowSettings
    from pipelines.core.errors import UnsafePlan
    from pipelines.engine.plan import Plan
    from pipelines.engine.safety_limits import Violation
    from pipelines.flows.product_catalogue import ProductCatalogue

Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class FlowContext:
    """What a run asks of a flow. `whole`: whether everything was read; `sku`: the patterns of --sku, none for all;
    `unasked`: what was not listed and was too much to be asked for one by one."""

    name: str
    channel: Channel
    run_id: str
    whole: bool
    sku: tuple[str, ...]
    unasked: frozenset[str] = frozenset()

    @property
    def flow(self) -> FlowSettings:
        return self.channel.flows[self.name]

    @property
    def params(self) -> Any:
        return self.channel.flow_params(self.name)


@dataclass
class Evaluation:
    """What a flow makes of the stage.

    `desired` and `live` are compared by the flow's contract. `withheld` and `warned` have the columns of
    `schemas.issues`, one line per row and rule; `records` are all rows that were read (`stock_item_id`, `wanted`).
    `counts` are those a flow settles by itself: read, skipped, withheld, drifted, unmatched. `evidence` is what its
    limits look at; `expectations` what Great Expectations said, where the flow has any.
    """

    desired: pd.DataFrame
    live: pd.DataFrame
    withheld: pd.DataFrame
    warned: pd.DataFrame
    records: pd.DataFrame
    counts: dict[str, int]
    evidence: Any
    expectations: dict[str, Any] = field(default_factory=dict)


class Flow(Protocol):
    """A channel file's `judge` names one.

    `Limits` is the model of the flow's `limits`, `scopes` what myOGO must allow. `of_catalogue`: whether the flow looks
    at products and stock, which are read whole or by their changes; another is an `OrderFlow`.
    """

    Limits: type[Any]
    of_catalogue: bool
    scopes: tuple[str, ...]

    def __init__(self, asked: FlowContext, catalogue: ProductCatalogue) -> None: ...

    @staticmethod
    def advice(params: Any) -> tuple[Literal["ok", "warning"], str, str] | None:
        """What `check` says of the flow's settings: status, message and fix; None where there is nothing to say."""

    def judged(self, step: Step) -> Evaluation:
        """Transforms and validates what was staged, entering the steps `transform`, `validate` and `expect`."""

    def forbidden(self, plan: Plan) -> UnsafePlan | None:
        """Why the plan must not be carried out, whatever --force says."""

    def violations(self, plan: Plan, judged: Evaluation) -> list[Violation]:
        """What the limits say against the plan."""

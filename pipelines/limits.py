"""Whether acting on a plan is sane: declared in the channel file, judged before any write."""

from __future__ import annotations

from decimal import Decimal

from pipelines.channel import Limits
from pipelines.plan import Plan

SHARE_FROM = 10  # below so many products, a share says nothing


def violations(limits: Limits, plan: Plan, read: int) -> list[str]:
    """What the limits say against the plan, in words with counts; empty where it may go ahead.

    `read` is how many rows the source gave. The share is of what the target holds.
    """
    creates, updates = plan.count("create"), plan.count("update")
    said = []
    if read < limits.min_rows:
        said.append(f"{read} rows were read, fewer than min_rows = {limits.min_rows}")
    if creates > limits.max_creates:
        said.append(f"{creates} products would be created, more than max_creates = {limits.max_creates}")
    if updates > limits.max_updates:
        said.append(f"{updates} products would be updated, more than max_updates = {limits.max_updates}")
    # As decimals: 0.29 of 100 is 28.999999999999996 in binary.
    if plan.live >= SHARE_FROM and updates > Decimal(str(limits.max_update_share)) * plan.live:
        said.append(
            f"{updates} of the {plan.live} products in the target would be updated "
            f"({updates / plan.live:.0%}), more than max_update_share = {limits.max_update_share:g}"
        )
    return said

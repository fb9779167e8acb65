"""Applying a plan gives the desired state, and a second plan is empty."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.json_codec import decode_exact
from pipelines.engine.plan import Plan, diff
from schemas.products.contract import PRODUCT
from tests.support.frames import desired, held, plain_list
from tests.support.shop import euro, size

quick = settings(deadline=None, database=None, max_examples=25)

CODE = st.sampled_from([f"{letter}{number}" for letter in "abAB" for number in range(4)])
TEXT = st.sampled_from([None, "", " ", "x", "y", "x y"])
EAN = st.sampled_from([None, "", "96385074", "7350000000016"])
PRICE = st.decimals(Decimal("0.0001"), 999, places=4) | st.decimals(1, 99, places=1) | st.integers(1, 99)
SIZE = st.fixed_dictionaries(
    {"name": st.sampled_from(["n", "m"]), "brand": TEXT, "categoryName": TEXT, "description": TEXT, "ean": EAN,
     "countryOfOrigin": st.sampled_from(["", "pt", "SE"]), "prices": PRICE.map(lambda price: [euro(str(price))])}
)  # fmt: skip
HELD = st.fixed_dictionaries(
    {"name": TEXT, "supplier": TEXT, "group": TEXT, "description": TEXT, "eanCode": EAN, "salesPrice": PRICE.map(str),
     "countryOfOrigin": st.sampled_from([None, "PT", "pt", "SE"]), "languageCode": st.sampled_from(["en", "EN", "sv"]),
     "infoUrl": TEXT}
)  # fmt: skip
WANTED = st.dictionaries(CODE, SIZE, max_size=8).map(
    lambda sizes: [size(n, sku=code, **fields) for n, (code, fields) in enumerate(sizes.items())]
)
HELD_ROWS = st.dictionaries(CODE, HELD, max_size=8).map(
    lambda rows: [{"code": c, **fields} for c, fields in rows.items()]
)


def applied(plan: Plan, live: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """myOGO's products after the plan, under its field names: creates added, updates merged."""
    state = {row["code"]: dict(row) for row in live}
    for action, key, after in plan.changes[["action", "key", "after"]].itertuples(index=False):
        assert (action == "create") == (key not in state)
        change = {PRODUCT.vendor[column]: value for column, value in decode_exact(after.encode()).items()}
        state[key] = state.get(key, {}) | {n: str(v) if isinstance(v, Decimal | int) else v for n, v in change.items()}
    return list(state.values())


@quick
@given(WANTED, HELD_ROWS)
def test_applying_a_plan_gives_the_desired_state(sizes: list[dict[str, Any]], live: list[dict[str, Any]]) -> None:
    """Each desired value is in myOGO, an EAN only if there was none, other values stay, and the next plan is empty."""
    wanted = desired(*sizes)
    plan = diff(wanted, held(*live), PRODUCT)
    assert plan.count("create") + plan.count("update") + plan.unchanged == len(sizes)
    after = applied(plan, live)
    now = held(*after)
    again = diff(wanted, now, PRODUCT)
    assert len(again.changes) == 0
    assert again.unchanged == len(sizes)
    state = {row["code"]: row for _, row in now.iterrows()}
    state_before = {row["code"]: row for _, row in held(*live).iterrows()}
    for _, row in wanted.iterrows():
        wanted_values, held_values = (
            plain_list(row[list(PRODUCT.compare)]),
            plain_list(state[row["code"]][list(PRODUCT.compare)]),
        )
        old = state_before.get(row["code"])
        before = plain_list(old[list(PRODUCT.compare)]) if old is not None else [None] * len(wanted_values)
        assert held_values == [
            new if new is not None else kept for new, kept in zip(wanted_values, before, strict=True)
        ]
        kept_ean = None if old is None else plain_list(old[["ean_code"]])[0]
        assert plain_list(state[row["code"]][["ean_code"]])[0] == (kept_ean or plain_list(row[["ean_code"]])[0])
    untouched = {row["code"]: row for row in live if row["code"] not in set(wanted["code"])}
    assert {row["code"]: row for row in after if row["code"] in untouched} == untouched


@settings(quick, max_examples=15)
@given(WANTED, HELD_ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(
    sizes: list[dict[str, Any]], live: list[dict[str, Any]], dice: random.Random
) -> None:
    """The order of the rows on either side does not change the plan."""
    first = diff(desired(*sizes), held(*live), PRODUCT)
    dice.shuffle(sizes)
    dice.shuffle(live)
    second = diff(desired(*sizes), held(*live), PRODUCT)
    assert first.fingerprint == second.fingerprint
    assert first.changes.equals(second.changes)

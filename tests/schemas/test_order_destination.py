"""Digests of where an order goes."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.order_destination import Destination, destination_of

CUSTOMER = {"name": "Aino Mäkelä", "address1": "Hämeentie 12", "city": "Helsinki", "countryCode": "FI"}


def digests(reference: str = "demo-1-1", customer: Any = CUSTOMER, point: Any = "PP1", key: str = "k") -> Destination:
    return destination_of(reference, customer, "HOME", point, key)


@pytest.mark.parametrize(
    "customer",
    [
        CUSTOMER | {"address2": ""},
        CUSTOMER | {"email": None},
        CUSTOMER | {"city": "HELSINKI "},
        CUSTOMER | {"note": "x"},
    ],
)
def test_the_same_destination_has_the_same_digest(customer: dict[str, Any]) -> None:
    assert digests(customer=customer) == digests()


def test_another_destination_order_or_key_has_another_digest() -> None:
    """A digest shows neither the address nor that two orders go to the same one."""
    others = [digests(customer=CUSTOMER | {"city": "Espoo"}), digests("demo-2-1"), digests(key="other"),
              digests(customer=None), digests()]  # fmt: skip
    assert len({one.address for one in others}) == len(others)
    assert "Aino" not in str(digests())


def test_a_pick_up_point_has_its_own_digest() -> None:
    assert digests(point="PP2").address == digests().address
    assert len({digests(point=point).pick_up_point for point in ("PP1", "PP2", None)}) == 3

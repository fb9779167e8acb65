"""The product that myOGO accepts and stores."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from pipelines.sandbox.common.switches import MyogoSwitches

# The order of the product response.
FIELDS = (
    "code", "name", "description", "supplierCode", "supplier", "group", "eanCode", "supplyPrice",
    "salesPrice", "currencyCode", "infoUrl", "pictureUrl", "countryOfOrigin", "languageCode",
    "customsDescription", "hsCode",
)  # fmt: skip
DOCUMENTED_NAMES = {name.lower(): name for name in FIELDS}
MONEY = frozenset(("supplyPrice", "salesPrice"))
REQUIRED = ("code", "languageCode")
NORMALISED_LENGTH = 20
EXACT_LENGTH = {"languageCode": 2, "countryOfOrigin": 2, "currencyCode": 3}


class BadProduct(ValueError):
    """A body that is not a valid product; the message is for the merchant."""


class Product(NamedTuple):
    """A stored product: `values` in the order of FIELDS, moments as seconds since the epoch."""

    serial: int
    values: tuple[Any, ...]
    stock: int
    reserved: int
    stock_update: int
    edited: float
    stock_modified: float

    @property
    def code(self) -> str:
        code: str = self.values[0]
        return code

    @property
    def id(self) -> str:
        return f"{self.serial:08x}-0000-4000-8000-{self.serial:012x}"


def validated(content: Any, switches: MyogoSwitches) -> dict[str, Any]:
    """The fields that have a value, names in the documented case; BadProduct names the first problem."""
    if not isinstance(content, dict):
        raise BadProduct("The request body must be a product.")
    given = {name.lower(): value for name, value in content.items() if value is not None}
    fields = {DOCUMENTED_NAMES[name]: value for name, value in given.items() if name in DOCUMENTED_NAMES}
    for name in REQUIRED:
        if fields.get(name, "") == "":
            raise BadProduct(f"The {_property_name(name)} field is required.")
    for name, value in fields.items():
        _check(name, value, switches)
    return fields | {name: _normalised(name, fields[name]) for name in switches.normalised_fields if name in fields}


def values_of(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values in the order of FIELDS; None for a missing field."""
    return tuple(fields.get(name) for name in FIELDS)


def _check(name: str, value: Any, switches: MyogoSwitches) -> None:
    if name in MONEY:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise BadProduct(f"The field {_property_name(name)} must be a number.")
        return
    if not isinstance(value, str):
        raise BadProduct(f"The field {_property_name(name)} must be a string.")
    length = EXACT_LENGTH.get(name)
    if length and len(value) != length:
        bounds = f"a minimum length of {length} and a maximum length of {length}"
        raise BadProduct(f"The field {_property_name(name)} must be a string with {bounds}.")
    if name == "name" and 0 < switches.name_max < len(value):
        raise BadProduct(f"The field Name must be a string with a maximum length of {switches.name_max}.")
    if name == "code" and switches.slash_in_code == "reject" and ("/" in value or "\\" in value):
        raise BadProduct("The field Code must not contain / or \\.")


def _normalised(name: str, value: Any) -> Any:
    if name in MONEY:
        return Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return value[:NORMALISED_LENGTH]


def _property_name(name: str) -> str:
    # .NET names the property of its model, not the member of the JSON.
    return name[0].upper() + name[1:]

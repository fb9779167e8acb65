"""The order that myOGO accepts: its fields, the required ones, and their types."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.sandbox.myogo.api_common import Failure

STATUSES = (
    "New", "Draft", "Reserved", "Locked", "Collecting", "Pending", "Cancelled", "Shipped", "Returned",
)  # fmt: skip
# Statuses that only the warehouse can set.
WAREHOUSE_STATUSES = ("Collecting", "Shipped", "Returned")


class Rule(NamedTuple):
    """The type of a field; `members` are the fields of an object, or of each object in a list."""

    kind: str
    required: bool = False
    length: int = 0
    members: Mapping[str, "Rule"] | None = None


TEXT, NUMBER = Rule("text"), Rule("number")
CUSTOMER = {
    "name": Rule("text", True), "company": TEXT, "address1": Rule("text", True), "address2": TEXT, "zip": TEXT,
    "city": Rule("text", True), "countryCode": Rule("text", True, 2), "phone": TEXT, "email": TEXT,
}  # fmt: skip
LINE = {
    "code": Rule("text", True), "quantity": Rule("integer", True), "unitPrice": NUMBER, "vatPercentage": NUMBER,
    "productInfoUrl": TEXT, "productPictureUrl": TEXT,
}  # fmt: skip
CASH_ON_DELIVERY = {"amount": Rule("number", True), "currencyCode": Rule("text", False, 3), "reference": TEXT}
DOCUMENT = {"type": Rule("text", True), "url": TEXT, "base64Content": TEXT}
ORDER = {
    "reference": Rule("text", True), "status": TEXT, "shippingCode": TEXT, "pickUpPointCode": TEXT,
    "orderLines": Rule("list", members=LINE), "customer": Rule("object", True, members=CUSTOMER), "comments": TEXT,
    "priceTotal": NUMBER, "priceCurrency": Rule("text", False, 3),
    "cashOnDelivery": Rule("object", members=CASH_ON_DELIVERY), "test": Rule("flag"),
    "documents": Rule("list", members=DOCUMENT),
}  # fmt: skip
KIND_NAMES = {"text": "a string", "number": "a number", "flag": "a boolean", "object": "an object", "list": "an array"}
KIND_NAMES["integer"] = "a whole number from 1"


def validated(content: Any, *, new: bool) -> dict[str, Any]:
    """The fields that have a value, names and status in the documented case; Failure names the first problem."""
    if not isinstance(content, dict):
        raise Failure(400, "The request body must be an order.")
    fields = _members(content, ORDER, "")
    if new and not fields.get("orderLines"):
        raise Failure(400, "The OrderLines field is required.")
    # A .NET enum has its first value, New, when the field is missing.
    fields["status"] = status_of(fields.get("status", "New"))
    return fields


def status_of(text: str) -> str:
    """The status in the documented case; Failure if there is no such status."""
    known = {name.lower(): name for name in STATUSES}
    if text.lower() not in known:
        raise Failure(400, f"The value '{text}' is not valid for Status.")
    return known[text.lower()]


def _members(content: Mapping[str, Any], model: Mapping[str, Rule], path: str) -> dict[str, Any]:
    names = {name.lower(): name for name in model}
    given = {names[k.lower()]: v for k, v in content.items() if k.lower() in names and v is not None}
    for name, rule in model.items():
        # .NET names the property of its model, not the member of the JSON.
        property_name = path + name[0].upper() + name[1:]
        if rule.required and given.get(name, "") == "":
            raise Failure(400, f"The {property_name} field is required.")
        if name in given:
            given[name] = _value(given[name], rule, property_name)
    return given


def _value(value: Any, rule: Rule, property_name: str) -> Any:
    match rule.kind:
        case "text":
            valid = isinstance(value, str)
        case "flag":
            valid = isinstance(value, bool)
        case "number":
            valid = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        case "integer":
            valid = type(value) is int and value >= 1
        case "object":
            valid = isinstance(value, dict)
        case _:
            valid = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    if not valid:
        raise Failure(400, f"The field {property_name} must be {KIND_NAMES[rule.kind]}.")
    if rule.length and value and len(value) != rule.length:
        bounds = f"a minimum length of {rule.length} and a maximum length of {rule.length}"
        raise Failure(400, f"The field {property_name} must be a string with {bounds}.")
    if rule.members is None:
        return value
    if rule.kind == "object":
        return _members(value, rule.members, f"{property_name}.")
    return [_members(one, rule.members, f"{property_name}[{place}].") for place, one in enumerate(value)]

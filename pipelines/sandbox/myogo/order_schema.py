"""The order that myOGO accepts: its fields, which of them it needs, and what they must be."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.sandbox.myogo.api_common import Failure

STATUSES = (
    "New", "Draft", "Reserved", "Locked", "Collecting", "Pending", "Cancelled", "Shipped", "Returned",
)  # fmt: skip
# What only the warehouse can say of an order.
OF_THE_WAREHOUSE = ("Collecting", "Shipped", "Returned")


class Rule(NamedTuple):
    """What a field must be; `members` are those of an object, or of each object in a list."""

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
    "code": Rule("text", True), "quantity": Rule("whole", True), "unitPrice": NUMBER, "vatPercentage": NUMBER,
    "productInfoUrl": TEXT, "productPictureUrl": TEXT,
}  # fmt: skip
CASH = {"amount": Rule("number", True), "currencyCode": Rule("text", False, 3), "reference": TEXT}
DOCUMENT = {"type": Rule("text", True), "url": TEXT, "base64Content": TEXT}
ORDER = {
    "reference": Rule("text", True), "status": TEXT, "shippingCode": TEXT, "pickUpPointCode": TEXT,
    "orderLines": Rule("list", members=LINE), "customer": Rule("object", True, members=CUSTOMER), "comments": TEXT,
    "priceTotal": NUMBER, "priceCurrency": Rule("text", False, 3),
    "cashOnDelivery": Rule("object", members=CASH), "test": Rule("flag"),
    "documents": Rule("list", members=DOCUMENT),
}  # fmt: skip
WORDS = {"text": "a string", "number": "a number", "flag": "a boolean", "object": "an object", "list": "an array"}
WORDS["whole"] = "a whole number from 1"


def validated(content: Any, *, new: bool) -> dict[str, Any]:
    """The fields that were given a value, names and status in the documented case; Failure says what is wrong."""
    if not isinstance(content, dict):
        raise Failure(400, "The request body must be an order.")
    fields = _members(content, ORDER, "")
    if new and not fields.get("orderLines"):
        raise Failure(400, "The OrderLines field is required.")
    # A model whose enum begins with New has it where nothing was said.
    fields["status"] = status_of(fields.get("status", "New"))
    return fields


def status_of(text: str) -> str:
    """The status in the documented case; Failure if there is none such."""
    known = {name.lower(): name for name in STATUSES}
    if text.lower() not in known:
        raise Failure(400, f"The value '{text}' is not valid for Status.")
    return known[text.lower()]


def _members(content: Mapping[str, Any], model: Mapping[str, Rule], path: str) -> dict[str, Any]:
    names = {name.lower(): name for name in model}
    given = {names[k.lower()]: v for k, v in content.items() if k.lower() in names and v is not None}
    for name, rule in model.items():
        # .NET names the property of its model, not the member of the JSON.
        shown = path + name[0].upper() + name[1:]
        if rule.required and given.get(name, "") == "":
            raise Failure(400, f"The {shown} field is required.")
        if name in given:
            given[name] = _value(given[name], rule, shown)
    return given


def _value(value: Any, rule: Rule, shown: str) -> Any:
    match rule.kind:
        case "text":
            fits = isinstance(value, str)
        case "flag":
            fits = isinstance(value, bool)
        case "number":
            fits = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        case "whole":
            fits = type(value) is int and value >= 1
        case "object":
            fits = isinstance(value, dict)
        case _:
            fits = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    if not fits:
        raise Failure(400, f"The field {shown} must be {WORDS[rule.kind]}.")
    if rule.length and value and len(value) != rule.length:
        bounds = f"a minimum length of {rule.length} and a maximum length of {rule.length}"
        raise Failure(400, f"The field {shown} must be a string with {bounds}.")
    if rule.members is None:
        return value
    if rule.kind == "object":
        return _members(value, rule.members, f"{shown}.")
    return [_members(one, rule.members, f"{shown}[{place}].") for place, one in enumerate(value)]

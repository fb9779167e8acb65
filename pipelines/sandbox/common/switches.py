"""The settings of both stand-ins: each behaviour that the vendors do not document is a choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Sort = Literal["asc", "desc", "shuffled", "edited"]
S = TypeVar("S", bound="DataclassInstance")


class BadSwitch(ValueError):
    """A switch that does not exist, or a value that it does not take; the message names what is accepted."""


@dataclass(frozen=True)
class Allow:
    """The endpoint groups that are ticked in Centra's plugin."""

    products: bool = True
    stock: bool = True
    orders: bool = True
    shipments: bool = True


@dataclass(frozen=True)
class CentraSwitches:
    """`as_is` writes a value as the catalogue has it; a limit of 0 means no limit. A change of a field in `silent` does
    not move `modified`. Empty `markets` means all. `shipments_limit` is for `inprogress` and `completed`.
    Sizes with an id in `in_two_stores` are listed twice."""

    auth_failure: Literal[401, 403, "no"] = 401
    allow: Allow = field(default_factory=Allow)
    max_limit: int = 100
    limit_over_max: Literal["clamp", "no"] = "clamp"
    price_as: Literal["as_is", "number", "string"] = "as_is"
    ids_as: Literal["as_is", "number", "string"] = "as_is"
    flags_as: Literal["as_is", "int", "bool"] = "as_is"
    empty_as: Literal["as_is", "", "missing"] | None = "as_is"
    next_at_end: Literal["absent", "null", "empty"] = "absent"
    next_absolute: bool = False
    next_repeats_filters: bool = False
    msg_as_object: bool = False
    invalid_date: Literal["no", "ignore"] = "no"
    modified_inclusive: bool = True
    silent: tuple[str, ...] = ("prices", "images", "categories", "categoryName")
    new_rows_are_modified: bool = True
    stock_moves: Literal["stock_modified", "both", "neither"] = "stock_modified"
    sort: Sort = "asc"
    stock_update_type: Literal["physical", "fta"] = "physical"
    stock_product: Literal["ean_upc_code", "code_ean_upc", "upc_code_ean"] = "ean_upc_code"
    stock_product_copies: Literal["lowest_id", "highest_id"] = "lowest_id"
    virtual_stock: int = 0
    negative_quantity: Literal["no", "clamp"] = "no"
    in_two_stores: tuple[int, ...] = ()
    batch_limit: int = 0
    bundles: tuple[str, ...] = ()
    stock_fills_demand: bool = False
    order_statuses: tuple[str, ...] = ("1", "2", "3", "4")
    orders_starting_with: Literal["newest", "oldest"] = "newest"
    order_status_as: Literal["string", "number", "name", "absent"] = "string"
    markets: tuple[str, ...] = ()
    on_hold: bool = False
    waiting_for_payment: bool = False
    dates_inclusive: Literal["newer", "both", "neither"] = "newer"
    bundle_mode: Literal["only_items", "items_in_bundles", "only_bundles", "bundles_and_items"] = "only_items"
    prices: Literal["with_tax", "without_tax"] = "with_tax"
    shipment_totals: Literal["shipment", "order"] = "shipment"
    shipments_limit: int = 100
    inprogress_has_goodtogo: bool = False
    shipment_gtg: bool = False
    completion_verb: Literal["both", "POST", "PUT"] = "PUT"
    wrong_verb: Literal[200, 403, 404, 405] = 405
    second_completion: Literal["no", "ok"] = "no"
    unfit_completion: Literal["ok", "no"] = "ok"
    shipped_when_omitted: bool = False
    second_capture: Literal["no", "ok"] = "no"
    webhook_batch: int = 100
    webhook_header: Literal["plain", "spaced"] = "plain"
    webhook_copies: int = 1
    webhook_order: Literal["in_order", "reversed"] = "in_order"
    webhook_delay_ms: int = 0
    webhook_retries: int = 0
    webhook_timeout_s: int = 5
    timezone: str = "Europe/Stockholm"
    latency_ms: int = 0


@dataclass(frozen=True)
class MyogoSwitches:
    """`name_max` 0 means no limit. A field in `normalised_fields` is stored with two decimals if it is money, else cut
    to NORMALISED_LENGTH characters. `omitted_on_put` also decides about null, which .NET reads like an omitted field.
    `orders_editable` is the merchant's option, `editable_statuses` the statuses in which a PUT can change an order."""

    duplicate_post: Literal[400, 409, "upsert", "duplicate"] = 400
    omitted_on_put: Literal["keep", "clear"] = "keep"
    emit_nulls: Literal["yes", "no"] = "yes"
    extra_fields: bool = False
    limit_out_of_range: Literal["clamp", "reject"] = "clamp"
    sort: Sort = "asc"
    modified_inclusive: bool = True
    codes_ignore_case: bool = False
    slash_in_code: Literal["accept", "reject"] = "accept"
    name_max: int = 0
    normalised_fields: tuple[str, ...] = ()
    created_status: Literal[200, 201] = 200
    missing_scope: Literal[401, 403] = 403
    token_error_status: Literal[400, 401] = 400
    token_ttl_s: int = 5400
    refresh_ttl_s: int = 14 * 24 * 3600
    stock_clamp: bool = False
    zero_stock_rows: bool = True
    unknown_stock_code: Literal[404, "empty"] = 404
    stock_moves_edit_time: bool = False
    writes_move_edit_time: bool = True
    error_body: Literal["json", "html"] = "json"
    enum_as: Literal["Pascal", "lower", "UPPER"] = "Pascal"
    shipping_codes: tuple[str, ...] = ("HOME", "PICKUP")
    bad_order: Literal["reserved", 400] = "reserved"
    duplicate_order: Literal[400, 409, "reserved", "accept"] = 400
    phone_required: bool = False
    orders_editable: bool = True
    editable_statuses: tuple[str, ...] = ("New",)
    test_orders_reserve: bool = True
    reservations_move_modified: bool = True
    returned_restocks: bool = False
    webhook_hosts: Literal["dotted", "any"] = "dotted"
    empty_webhooks: Literal["null", "list"] = "null"
    unknown_webhook: Literal["null", 404] = "null"
    webhook_copies: int = 1
    webhook_order: Literal["in_order", "reversed"] = "in_order"
    webhook_delay_ms: int = 0
    webhook_retries: int = 0
    webhook_timeout_s: int = 5
    latency_ms: int = 0


def with_values(switches: S, values: Mapping[str, Any]) -> S:
    """The same switches with some values set; BadSwitch if a name or a value is not accepted."""
    hints = get_type_hints(type(switches))
    new: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            raise BadSwitch(f"no switch {name!r}; there are: {', '.join(sorted(hints))}")
        current = getattr(switches, name)
        if is_dataclass(current) and not isinstance(current, type) and isinstance(value, Mapping):
            new[name] = with_values(current, value)
            continue
        if get_origin(hints[name]) is tuple and isinstance(value, list):
            value = tuple(value)
        if not _accepts(hints[name], value) or (name == "timezone" and not _is_zone(value)):
            raise BadSwitch(f"switch {name!r} does not take {value!r}; it takes {_accepted_values(hints[name])}")
        new[name] = value
    return replace(switches, **new)


def as_json(switches: "DataclassInstance") -> dict[str, Any]:
    """Every switch with its value, nested groups as objects."""
    values = {f.name: getattr(switches, f.name) for f in fields(switches)}
    return {
        name: as_json(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in values.items()
    }


def _accepts(hint: Any, value: Any) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return any(type(choice) is type(value) and choice == value for choice in get_args(hint))
    if origin in (Union, UnionType):
        return any(_accepts(part, value) for part in get_args(hint))
    if origin is tuple:
        return isinstance(value, tuple) and all(_accepts(get_args(hint)[0], part) for part in value)
    if hint is int:
        return type(value) is int and value >= 0
    return type(value) is hint


def _accepted_values(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " | ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(_accepted_values(part) for part in get_args(hint))
    return "a whole number from 0" if hint is int else getattr(hint, "__name__", str(hint))


def _is_zone(value: str) -> bool:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        return False
    return True

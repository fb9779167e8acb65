"""The customer's address is fit for a label, and what a carrier would miss in it is known."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from tests.support.frames import plain_list, texts
from tests.support.order_frames import Row, numbered, orders_of, shipment
from transforms.address import missing_fields, needs_a_state, one_line, phone_of

ONE_LINE: dict[str, tuple[str | None, str | None]] = {
    "a line break": ("Road 1\nB 2", "Road 1 B 2"),
    "line breaks of other systems": ("Road 1\r\nB\u2028C\x85D", "Road 1 B C D"),
    "tabs and blanks": (" Road\t1  \u00a0 B ", "Road 1 B"),
    "control characters": ("Ro\x00ad\x1b 1", "Road 1"),
    "the direction of writing": ("\u202eRoad\u202c 1\u200f", "Road 1"),
    "invisible characters": ("R\u200bo\u00ad\ufeffad", "Road"),
    "joiners within words": ("\u0645\u06cc\u200c\u0634\u0648\u062f", "\u0645\u06cc\u200c\u0634\u0648\u062f"),
    "letters": ("Hämeentie 12 A 4, 東京", "Hämeentie 12 A 4, 東京"),
    "nothing": (None, None),
    "nothing visible": ("\u202e\n", ""),
}


@pytest.mark.parametrize("case", ONE_LINE)
def test_a_text_becomes_one_line_without_control_characters(case: str) -> None:
    given, expected = ONE_LINE[case]
    assert plain_list(one_line(texts([given]))) == [expected]


def test_every_field_of_an_address_is_cleaned() -> None:
    """Also the comments for the courier. What is empty afterwards counts as missing."""
    names = ("Name", "Company", "Address", "Coaddress", "Zipcode", "City", "State", "Email", "Cell")
    fields: Row = {f"delivery{name}": f"\u202e{name} 1\n2" for name in names} | {"deliveryCountry": "f\u200bi"}
    dirty = shipment(**fields, shipwallet_courier_instructions="Ring\ntwice", shipwallet_pickup="PP\n7")
    made, empty = orders_of(*numbered(dirty, shipment(deliveryCity="\u202e"))).to_dict("records")
    customer = json.loads(made["customer"])
    assert customer == {
        "name": "Name 1 2", "company": "Company 1 2", "address1": "Address 1 2", "address2": "Coaddress 1 2, State 1 2",
        "zip": "Zipcode 1 2", "city": "City 1 2", "countryCode": "FI", "phone": "Cell 1 2", "email": "Email 1 2",
    }  # fmt: skip
    assert (made["comments"], made["pick_up_point_code"]) == ("Ring twice", "PP 7")
    assert empty["missing_address_fields"] == "city"


COUNTRIES = [
    ("FI", ""), ("gb", ""), ("XK", ""), ("UK", "country code of ISO 3166-1 (UK is none; GB probably is)"),
    ("el", "country code of ISO 3166-1 (EL is none; GR probably is)"),
    ("ZZ", "country code of ISO 3166-1 (ZZ is none)"), ("Finland", "two-letter country"), ("", "two-letter country"),
    ("1A", "two-letter country"),
]  # fmt: skip


def test_the_country_is_a_code_of_iso_3166() -> None:
    made = orders_of(*numbered(*(shipment(deliveryCountry=country) for country, _ in COUNTRIES)))
    assert list(made["missing_address_fields"]) == [missing for _, missing in COUNTRIES]


PHONES: list[tuple[Any, Any, Any, str]] = [
    ("+358 1", "2", "+358 1", ""),
    ("-", "+358 2", "+358 2", ""),
    ("-", "", None, "Its phone number has no digits."),
    (None, "n/a", None, "Its phone number has no digits."),
    ("", None, None, "It has no phone number."),
    ("\u202e", " ", None, "It has no phone number."),
]


def test_a_phone_number_has_a_digit() -> None:
    made = orders_of(*numbered(*(shipment(deliveryCell=cell, deliveryTele=tele) for cell, tele, *_ in PHONES)))
    assert [json.loads(customer).get("phone") for customer in made["customer"]] == [phone for _, _, phone, _ in PHONES]
    assert list(made["phone_problem"]) == [problem for *_, problem in PHONES]


@pytest.mark.parametrize(
    ("country", "state", "lacks"),
    [("US", "", True), ("CA", None, True), ("au", "\n", True), ("US", "NY", False), ("FI", "", False)],
)
def test_some_countries_need_a_state(country: str, state: Any, lacks: bool) -> None:
    (made,) = orders_of(shipment(deliveryCountry=country, deliveryState=state)).to_dict("records")
    assert made["lacks_state"] == lacks


@pytest.mark.parametrize(
    ("method", "point", "lacks"),
    [("pickup", "", True), ("pickup", "\n", True), ("pickup", "PP7", False), ("standard", "", False)],
)
def test_some_methods_need_a_pick_up_point(method: str, point: str, lacks: bool) -> None:
    row = shipment(shippingList=method, shipwallet_pickup=point)
    params: dict[str, Any] = {"shipping": {"standard": "HOME", "pickup": "PICKUP"}, "pick_up_methods": ("PICKUP",)}
    assert list(orders_of(row, **params)["lacks_pick_up_point"]) == [lacks]
    assert list(orders_of(row, **params | {"pick_up_methods": ()})["lacks_pick_up_point"]) == [False]


NOTES: list[tuple[Row, str | None, str | None]] = [
    ({"otherComment": "Please\nwrap it"}, None, "Please wrap it"),
    ({"otherComment": "Gift", "shipwallet_doorcode": "1"}, "Door code: 1", "Door code: 1. Gift"),
    ({"otherComment": "", "shipwallet_courier_instructions": "Ring"}, "Ring", "Ring"),
    ({"internalComment": "Bad customer"}, None, None),
]


@pytest.mark.parametrize(("fields", "without", "with_note"), NOTES)
def test_the_customers_note_is_passed_on_if_the_channel_says_so(
    fields: Row, without: str | None, with_note: str | None
) -> None:
    assert plain_list(orders_of(shipment(**fields))["comments"]) == [without]
    assert plain_list(orders_of(shipment(**fields), customer_note=True)["comments"]) == [with_note]


MISSING_FIELDS: list[tuple[Row, str]] = [
    ({"deliveryName": ""}, "name"),
    ({"deliveryName": "", "deliveryCompany": "Oy"}, ""),
    ({"deliveryAddress": " "}, "address"),
    ({"deliveryAddress": None, "deliveryCity": None}, "address, city"),
    ({"deliveryCity": "", "deliveryCountry": "UK"}, "city, country code of ISO 3166-1 (UK is none; GB probably is)"),
    ({"deliveryName": None, "deliveryAddress": "", "deliveryCity": "\n", "deliveryCountry": None},
     "name, address, city, two-letter country"),
]  # fmt: skip


def test_every_field_that_an_address_lacks_is_named() -> None:
    made = orders_of(*numbered(*(shipment(**fields) for fields, _ in MISSING_FIELDS)))
    assert list(made["missing_address_fields"]) == [words for _, words in MISSING_FIELDS]


def test_checks_of_addresses_keep_the_index_of_their_rows() -> None:
    names = ("name", "company", "address", "city", "cell", "tele", "state")
    rows = pd.DataFrame({name: texts([None, "1"]) for name in names}).set_axis([7, 3])
    country = texts(["US", "US"]).set_axis([7, 3])
    assert missing_fields(rows, country).to_dict() == {7: "name, address, city", 3: ""}
    assert needs_a_state(rows, country).to_dict() == {7: True, 3: False}
    assert phone_of(rows)["phone_problem"].to_dict() == {7: "It has no phone number.", 3: ""}
    assert one_line(rows["name"]).fillna("").to_dict() == {7: "", 3: "1"}

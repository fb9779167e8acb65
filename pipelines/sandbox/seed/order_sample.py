"""An order as a customer of the made-up shop places it."""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import md5
from typing import Any, NamedTuple

NEVER = "0000-00-00 00:00:00"
VAT = {"FI": Decimal("25.5"), "SE": Decimal(25), "DK": Decimal(25), "DE": Decimal(19)}


class Customer(NamedTuple):
    """A customer and the delivery address."""

    name: str
    email: str
    phone: str
    address: str
    zipcode: str
    city: str
    country: str


CUSTOMERS = (
    Customer("Aino Mäkelä", "aino.makela@example.test", "+358401000001", "Hämeentie 12 A 4", "00500", "Helsinki", "FI"),
    Customer("Björn Öhman", "bjorn.ohman@example.test", "+46701000002", "Storgatan 1", "411 01", "Göteborg", "SE"),
    Customer("Väinö Lähde", "vaino.lahde@example.test", "+358401000003", "Yliopistonkatu 30", "20100", "Turku", "FI"),
    Customer("Åsa Sjöberg", "asa.sjoberg@example.test", "+46701000004", "Kungsgatan 44", "111 35", "Stockholm", "SE"),
)
BILLED = ("Name", "Company", "Email", "Tele", "Address", "Coaddress", "Zipcode", "City", "State", "Country")


def sample_order(number: int, moment: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The order's own fields, without status, totals, lines and shipments; billed to the delivery address."""
    customer = CUSTOMERS[number % len(CUSTOMERS)]
    fields: dict[str, Any] = {
        "selectionId": md5(str(number).encode(), usedforsecurity=False).hexdigest(),
        "orderDate": moment, "cancelDate": NEVER, "preferredDeliveryDate": NEVER, "estimatedDeliveryDate": NEVER,
        "orderStore": "retail", "orderCurrency": "EUR", "customerId": str(12 + number % len(CUSTOMERS)),
        "accountId": "", "deliveryName": customer.name, "deliveryCompany": "", "deliveryEmail": customer.email,
        "deliveryCell": customer.phone, "deliveryTele": "", "deliveryAddress": customer.address,
        "deliveryCoaddress": "", "deliveryZipcode": customer.zipcode, "deliveryCity": customer.city,
        "deliveryState": "", "deliveryCountry": customer.country,
    } | {name: value for name, value in given.items() if name.startswith("delivery")}  # fmt: skip
    fields |= {f"billing{name}": fields.get(f"delivery{name}", "") for name in BILLED} | {
        "billingVAT": "", "poNumber": "", "shippingList": "standard", "defaultCarrier": "", "ipAddress": "127.0.0.1",
        "suspect": 0, "internalOrder": 0, "hold": 0, "waitingForPayment": 0, "shippingValue": 5, "voucherValue": 0,
        "paymentPlugin": "adyen_drop_in", "paymentType": "cc", "paymentDescription": "", "paymentReference": None,
        "paymentMethod": None, "internalComment": "", "otherComment": "", "marketId": 1, "pricelistId": 36,
    }  # fmt: skip
    return fields | dict(given)

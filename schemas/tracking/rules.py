"""The row rules of the tracking flow: one line each."""

from __future__ import annotations

from schemas.rule import Rule

RULES = (
    Rule(
        "TRACK-001",
        True,
        "the order was cancelled or returned in myOGO, and its shipment is still open in Centra",
        "Someone stopped it in myOGO, or the parcel came back.",
        "In Centra, cancel or refund what is not sent, and delete its shipment.",
        "Centra",
        urgent=True,
    ),
    Rule(
        "TRACK-002",
        True,
        "the order has been shipped, but its payment is not captured, and the channel does not allow that",
        "Centra's shipment requires capture, or is refused without it, and capture is not set in the channel file.",
        "Capture it in Centra, or set capture = true in [flows.tracking.params].",
        "Centra",
        urgent=True,
    ),
    Rule(
        "TRACK-003",
        False,
        "a shipped order has no tracking number",
        "The shipping method has no tracking, or the warehouse did not record the number.",
        "In myOGO, check the order if its method should have tracking; if it has none, set tracked = false for it in "
        "[flows.tracking.params.carriers].",
        "myOGO",
    ),
    Rule(
        "TRACK-004",
        True,
        "the order has been shipped, and its shipment in Centra is neither open nor known to be completed",
        "The shipment was put on hold or removed after the order was sent to myOGO.",
        "In Centra, make the shipment good to go or complete it by hand.",
        "Centra",
        urgent=True,
    ),
    Rule(
        "TRACK-005",
        True,
        "myOGO has the reference of the order more than once",
        "Two integrations, an order that was split, or an order that was copied.",
        "In myOGO, find out which of them is meant, and complete the shipment in Centra by hand.",
        "myOGO",
        urgent=True,
    ),
    Rule(
        "TRACK-006",
        True,
        "the order is marked as a test in myOGO, and the channel sends real ones",
        "It was sent while the channel file had test = true, and OGOship's testing warehouse has shipped it.",
        "In Centra, make sure that the goods are sent; no parcel has left.",
        "Centra",
    ),
    Rule(
        "TRACK-007",
        True,
        "the shipped goods differ from those in the shipment in Centra",
        "myOGO split or shortened the order, or its lines were changed on one side.",
        "In Centra, split or change the shipment so that it contains what has left, or complete it by hand.",
        "Centra",
        urgent=True,
    ),
    Rule(
        "TRACK-008",
        False,
        "the tracking numbers of a completed shipment differ from those that myOGO has now",
        "myOGO received the number, or another one, after the shipment was completed.",
        "In Centra, set the tracking number of the shipment by hand.",
        "Centra",
    ),
    Rule(
        "TRACK-009",
        False,
        "a shipped order has no tracking number yet, and its shipment is not completed in Centra before it has one",
        "The warehouse records the number after the parcel has left, or the shipping method has no tracking.",
        "Nothing, if the number is on its way. If the method has no tracking, set tracked = false for it in "
        "[flows.tracking.params.carriers]; wait_for_tracking_hours in [flows.tracking.params] sets how long to wait.",
        "channel file",
    ),
    Rule(
        "TRACK-010",
        False,
        "the order came back to the warehouse after its shipment was completed in Centra",
        "The customer returned it or did not collect it, or the carrier could not deliver it.",
        "In Centra, register the return and refund the customer, or send the goods again with a new order.",
        "Centra",
    ),
)

"""How a scripted fault changes an exchange: the answer, and the way that the answer is delivered."""

import zlib
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from pipelines.sandbox.common.exchange import JSON, Answer, Connection, Request, reason_phrase
from pipelines.sandbox.common.faults import Fault
from pipelines.sandbox.common.json_formats import dotnet_json, parse_json, php_json
from pipelines.sandbox.myogo.api import Myogo

PAST_LAST_PAGE = 10**9
MEGABYTE = 1 << 20
LISTS = ("products", "orders", "shipments")


class Vendor(Protocol):
    """What a fault needs of the side that it hits."""

    name: str

    def answer(self, request: Request) -> Answer: ...


def faulty_answer(fault: Fault, request: Request, vendor: Vendor) -> Answer | None:
    """The answer to deliver, None if there is none; kinds with an answer of the vendor carry the request out."""
    options = fault.options
    match fault.kind:
        case "drop" | "hang" | "drop_late":
            return None
        case "refuse" | "silence":
            answer = vendor.answer(request)
            return replace(answer, headers=(*answer.headers, ("Connection", "close")))
        case "status":
            return _status(fault)
        case "status_after":
            return replace(_status(fault), applied=vendor.answer(request).applied)
        case "revoke_tokens" if isinstance(vendor, Myogo):
            vendor.tokens.revoke_access()
            if options["refresh"]:
                vendor.tokens.revoke_refresh()
            return vendor.error_answer(401, "Authorization has been denied for this request.")
        case "html":
            return Answer(options["status"], options["body"].encode(), "text/html; charset=utf-8")
        case "redirect":
            return Answer(options["status"], b"", "text/html", (("Location", options["location"]),))
        case "body":
            return Answer(200, dotnet_json(options["body"]))
        case "no":
            return Answer(200, php_json({"status": "no", "msg": options["msg"]}).encode("ascii"))
        case "deep_json":
            return Answer(200, _as_listing(vendor, b"[" * options["depth"] + b"]" * options["depth"]))
        case "gzip_bomb":
            return Answer(200, _gzip_bomb(options["megabytes"]), headers=(("Content-Encoding", "gzip"),))
        case "empty_page":
            return vendor.answer(replace(request, page_served=PAST_LAST_PAGE))
        case "repeat_page":
            return vendor.answer(replace(request, page_served=max(1, _page(request) - 1)))
        case "loop_next":
            return vendor.answer(replace(request, page_linked=_page(request)))
        case "endless":
            return _endless(vendor, request)
        case "huge_field":
            answer = vendor.answer(request)
            return replace(answer, body=_with_huge_field(vendor, answer.body, options["megabytes"] * MEGABYTE))
        case _:
            return vendor.answer(request)


def sends_status(fault: Fault) -> bool:
    """Whether the client receives a status."""
    return fault.kind not in ("drop", "hang", "drop_after", "hang_after", "drop_late")


async def deliver(fault: Fault, answer: Answer | None, connection: Connection) -> None:
    """Sends the answer in the way of the fault, or resets the connection without an answer."""
    options = fault.options
    if fault.kind in ("hang", "hang_after"):
        await connection.pause(options["seconds"])
    if answer is None or not sends_status(fault):
        await connection.reset()
        return
    body = answer.body
    half = body[: len(body) // 2]
    match fault.kind:
        case "slow" if options["pieces"] > 1:
            await connection.send_in_pieces(answer, options["seconds"], options["pieces"])
        case "slow":
            await connection.pause(options["seconds"])
            await connection.send(answer)
        case "truncated" if options["length"] == "half":
            await connection.send(replace(answer, body=half))
        case "truncated":
            await connection.send_with_length(answer, half, len(body))
        case "wrong_length":
            await connection.send_with_length(answer, body, max(0, len(body) + options["by"]))
        case "reset_body":
            await connection.send_with_length(answer, half, len(body), reset=True)
        case _:
            await connection.send(answer)


def _status(fault: Fault) -> Answer:
    status, body = fault.options["status"], fault.options["body"]
    headers = tuple((name, str(value)) for name, value in fault.options["headers"].items())
    if isinstance(body, str):
        return Answer(status, body.encode(), fault.options["content_type"] or "text/plain", headers)
    if body is None:
        reason = reason_phrase(status)
        error = {"statusCode": status, "statusDescription": reason, "message": reason}
        body = {"status": "no", "msg": reason} if fault.side == "centra" else error
    return Answer(status, dotnet_json(body), fault.options["content_type"] or JSON, headers)


def _page(request: Request) -> int:
    params = {name.lower(): value for name, value in request.params().items()}
    if "offset" in params:
        offset, limit = (int(text) if text.isdecimal() else 0 for text in (params["offset"], params.get("limit", "20")))
        return offset // max(limit, 1) + 1
    text = params.get("page", "1")
    return int(text) if text.isdecimal() else 1


def _rows(content: Any) -> list[Any]:
    """The rows of a listing of either side; an empty list if the content is no listing."""
    if isinstance(content, dict):
        content = next((content[name] for name in LISTS if name in content), None)
    return content if isinstance(content, list) else []


def _endless(vendor: Vendor, request: Request) -> Answer:
    """The first page again with fresh ids and codes, and a link to a next page."""
    page = _page(request)
    answer = vendor.answer(replace(request, page_served=1, page_linked=page + 1))
    content: Any = parse_json(answer.body)
    for number, row in enumerate(_rows(content)):
        fresh = 10**9 + 1000 * page + number
        fresh_values = {"stockItemId": fresh, "sku": f"FRESH{fresh}", "id": f"{fresh:032x}"}
        fresh_values |= {"code": f"FRESH{fresh}", "productCode": f"FRESH{fresh}", "reference": f"FRESH{fresh}"}
        fresh_values |= {"orderId": str(fresh), "shipmentId": f"{fresh}-1"}
        row |= {name: value for name, value in fresh_values.items() if name in row}
    return replace(answer, body=php_json(content).encode("ascii") if vendor.name == "centra" else dotnet_json(content))


def _as_listing(vendor: Vendor, rows: bytes) -> bytes:
    return b'{"status":"ok","products":' + rows + b"}" if vendor.name == "centra" else rows


def _with_huge_field(vendor: Vendor, body: bytes, size: int) -> bytes:
    content: Any = parse_json(body)
    rows = _rows(content)
    first = rows[0] if rows else content
    if isinstance(first, dict):
        first["name"] = "x" * size
    return php_json(content).encode("ascii") if vendor.name == "centra" else dotnet_json(content)


@lru_cache(maxsize=4)
def _gzip_bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(b'{"status":"ok","products":[],"padding":"')]
    parts += [packer.compress(b" " * MEGABYTE) for _ in range(megabytes)]
    return b"".join(parts) + packer.compress(b'"}') + packer.flush()

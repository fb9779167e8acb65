"""What all paths of myOGO's open API share: errors, keys, pages, moments, bodies."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime

from pipelines.sandbox.common.exchange import Request
from pipelines.sandbox.common.json_formats import parse_json
from pipelines.sandbox.common.switches import MyogoSwitches

MAX_LIMIT, DEFAULT_LIMIT = 250, 50


class Failure(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def lowercase_params(request: Request) -> dict[str, str]:
    """The query's parameters, their names in lower case."""
    return {name.lower(): value for name, value in request.params().items()}


def decode_key(key: str) -> str:
    """The key behind its base64url form; Failure if it is not base64url."""
    try:
        return base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Failure(400, "The key in the path is not base64url.") from None


def key_of(request: Request, part: str) -> str:
    """The key in the path; decoded if the query has `base64url=true`."""
    return decode_key(part) if lowercase_params(request).get("base64url", "").lower() == "true" else part


def body_of(request: Request) -> object:
    """The value of the JSON body; Failure if it is not JSON."""
    try:
        return parse_json(request.body)
    except ValueError:
        raise Failure(400, "The request body is not valid JSON.") from None


def modified_after(text: str, switches: MyogoSwitches) -> Callable[[float], bool]:
    """A test whether a moment is after the one in the text; Failure if the text is no date."""
    try:
        after = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(400, f"The value '{text}' is not valid for ModifiedAfter.") from None
    start = (after if after.tzinfo else after.replace(tzinfo=UTC)).timestamp()
    return lambda moment: moment > start or (switches.modified_inclusive and moment == start)


def window(request: Request, switches: MyogoSwitches) -> tuple[int, int]:
    """Start and stop of the requested page; Failure or clamped if out of range, as the switches set."""
    params = lowercase_params(request)
    limit, page = _number(params, "limit", DEFAULT_LIMIT), _number(params, "page", 1)
    if not 1 <= limit <= MAX_LIMIT or page < 1:
        if switches.limit_out_of_range == "reject":
            raise Failure(400, f"Limit must be between 1 and {MAX_LIMIT}, and Page at least 1.")
        limit, page = min(max(limit, 1), MAX_LIMIT), max(page, 1)
    start = ((request.page_served or page) - 1) * limit
    return start, start + limit


def enum_text(word: str, switches: MyogoSwitches) -> str:
    """The enum value in the letter case that the switches set."""
    shapes: dict[str, Callable[[str], str]] = {"lower": str.lower, "UPPER": str.upper}
    return shapes.get(switches.enum_as, str)(word)


def _number(params: dict[str, str], name: str, default: int) -> int:
    try:
        return int(params.get(name, default))
    except ValueError:
        raise Failure(400, f"The value '{params[name]}' is not valid for {name}.") from None

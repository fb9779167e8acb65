"""What every path of myOGO's open API shares: errors, keys, pages, moments, bodies."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime

from pipelines.sandbox.common.exchange import Request
from pipelines.sandbox.common.json_formats import parsed
from pipelines.sandbox.common.switches import MyogoSwitches

MAX_LIMIT, DEFAULT_LIMIT = 250, 50


class Failure(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def lowered(request: Request) -> dict[str, str]:
    """The query's parameters, their names in lower case."""
    return {name.lower(): value for name, value in request.params().items()}


def decoded(key: str) -> str:
    """The key behind its base64url form; Failure if there is none."""
    try:
        return base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Failure(400, "The key in the path is not base64url.") from None


def key_of(request: Request, part: str) -> str:
    """The key in the path, decoded where the query says so."""
    return decoded(part) if lowered(request).get("base64url", "").lower() == "true" else part


def body_of(request: Request) -> object:
    """The JSON sent; Failure if it is none."""
    try:
        return parsed(request.body)
    except ValueError:
        raise Failure(400, "The request body is not valid JSON.") from None


def since(text: str, switches: MyogoSwitches) -> Callable[[float], bool]:
    """Whether a moment is after the one in the text; Failure if that cannot be read."""
    try:
        after = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(400, f"The value '{text}' is not valid for ModifiedAfter.") from None
    start = (after if after.tzinfo else after.replace(tzinfo=UTC)).timestamp()
    return lambda moment: moment > start or (switches.modified_inclusive and moment == start)


def window(request: Request, switches: MyogoSwitches) -> tuple[int, int]:
    """Where the page asked for starts and stops."""
    params = lowered(request)
    limit, page = _whole(params, "limit", DEFAULT_LIMIT), _whole(params, "page", 1)
    if not 1 <= limit <= MAX_LIMIT or page < 1:
        if switches.limit_out_of_range == "reject":
            raise Failure(400, f"Limit must be between 1 and {MAX_LIMIT}, and Page at least 1.")
        limit, page = min(max(limit, 1), MAX_LIMIT), max(page, 1)
    start = ((request.page_served or page) - 1) * limit
    return start, start + limit


def spelt(word: str, switches: MyogoSwitches) -> str:
    """The word of an enum as the switches want it written."""
    shapes: dict[str, Callable[[str], str]] = {"lower": str.lower, "UPPER": str.upper}
    return shapes.get(switches.enum_as, str)(word)


def _whole(params: dict[str, str], name: str, default: int) -> int:
    try:
        return int(params.get(name, default))
    except ValueError:
        raise Failure(400, f"The value '{params[name]}' is not valid for {name}.") from None

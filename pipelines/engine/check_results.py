"""The results of Great Expectations as rows of `sync.expectations`."""

from __future__ import annotations

import json
from typing import Any

from pipelines.core.logs import excerpt, redact


def result_of(gx: dict[str, Any], rows: int) -> dict[str, Any]:
    if raised := _raised(gx["exception_info"]):
        return errored(raised, gx)
    result, kwargs = gx["result"], gx["expectation_config"]["kwargs"]
    if "element_count" in result:
        total = result["element_count"] - result.get("missing_count", 0)
        unexpected = result["unexpected_count"]
        observed = (total - unexpected) / total if total else None
        observation = f"{total - unexpected} of {total}" + (f" ({observed:.2%})" if total else "")
        expected = f"at least {kwargs.get('mostly', 1):.0%}"
    else:
        observed, unexpected, total = result["observed_value"], None, rows
        if observed is None and rows:
            return errored("the table has rows, but none of them has a value", gx)
        observation = "no rows" if observed is None else f"{observed:.10g}"
        expected = _range(kwargs.get("min_value"), kwargs.get("max_value"))
    return {
        "status": "passed" if gx["success"] or not (rows or "mostly" in kwargs or observed is not None) else "failed",
        "observed": observed,
        "unexpected": unexpected,
        "total": total,
        "message": f"{observation}; expected {expected}",
        "gx_result": _to_json(gx),
    }


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {least:g}" if least else "any number, because there is no earlier run to compare with"
    return f"{least:g} to {most:g}" if least is not None else f"at most {most:g}"


def errored(error: Exception | str, gx: dict[str, Any] | None = None) -> dict[str, Any]:
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return {
        "status": "errored",
        "observed": None,
        "unexpected": None,
        "total": None,
        "message": f"could not be validated: {excerpt(' '.join(text.split()), 300)}",
        "gx_result": _to_json(gx) if gx else None,
    }


def _raised(info: dict[str, Any]) -> str:
    """The first exception in a result of Great Expectations; "" for none. `info` describes one exception, or several by
    metric."""
    infos = [info] if "raised_exception" in info else list(info.values())
    return next((one["exception_message"] or "it raised" for one in infos if one["raised_exception"]), "")


def _to_json(gx: dict[str, Any]) -> str:
    """The result as Data Docs need it, without tracebacks, because they contain paths of this machine."""
    raised = _raised(gx["exception_info"])
    info = {"raised_exception": bool(raised), "exception_message": redact(raised) or None, "exception_traceback": None}
    return json.dumps(gx | {"exception_info": info})

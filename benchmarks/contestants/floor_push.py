"""The floor of a push: the same two requests per product from a bare thread pool; it records nothing."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from benchmarks.contestants.floor_read import token

IN_FLIGHT = 4


def work(job: dict[str, Any]) -> dict[str, Any]:
    bodies = Path(job["bodies"]).read_bytes().splitlines()
    url, local = f"{job['myogo_url']}/api/v1/Products", threading.local()
    headers = {"Authorization": f"Bearer {token(job)}", "Content-Type": "application/json"}

    def push(body: bytes) -> int:
        if not hasattr(local, "http"):
            local.http = requests.Session()
        code = json.loads(body)["code"]
        local.http.get(url, params={"code": code, "limit": 250, "page": 1}, headers=headers).json()
        return int(local.http.post(url, data=body, headers=headers).status_code)

    started = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        applied = sum(status in (200, 201) for status in pool.map(push, bodies))
    return {"applied": applied, "requests": 2 * len(bodies), "step_s": time.perf_counter() - started}

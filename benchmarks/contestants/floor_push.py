"""The floor of a push: the same two requests for each product, a bare pool of threads, and nothing kept of it."""

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
    url, own = f"{job['myogo_url']}/api/v1/Products", threading.local()
    headers = {"Authorization": f"Bearer {token(job)}", "Content-Type": "application/json"}

    def push(body: bytes) -> int:
        if not hasattr(own, "http"):
            own.http = requests.Session()
        code = json.loads(body)["code"]
        own.http.get(url, params={"code": code, "limit": 250, "page": 1}, headers=headers).json()
        return int(own.http.post(url, data=body, headers=headers).status_code)

    begun = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        applied = sum(status in (200, 201) for status in pool.map(push, bodies))
    return {"applied": applied, "requests": 2 * len(bodies), "step_s": time.perf_counter() - begun}

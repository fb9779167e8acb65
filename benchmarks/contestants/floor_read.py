"""The floor of a plan: downloads and parses the pages of both sides and throws them away."""

from __future__ import annotations

from typing import Any

import orjson
import requests


def work(job: dict[str, Any]) -> dict[str, int]:
    return centra(job) | myogo(job)


def centra(job: dict[str, Any]) -> dict[str, int]:
    counts = {}
    with requests.Session() as http:
        http.headers["API-Authorization"] = job["centra_token"]
        for path in ("products", "stock"):
            rows, page = 0, "1"
            while page:
                answer = http.get(f"{job['centra_url']}/{path}", params={"limit": 100, "page": page})
                document = orjson.loads(answer.content)
                rows += len(document["products"])
                page = (document.get("next") or "").rpartition("page=")[2].partition("&")[0]
            counts[f"centra {path}"] = rows
    return counts


def myogo(job: dict[str, Any]) -> dict[str, int]:
    counts = {}
    with requests.Session() as http:
        http.headers["Authorization"] = f"Bearer {token(job)}"
        for path in ("Products", "Stock"):
            rows, page, last = 0, 0, False
            while not last:
                page += 1
                answer = http.get(f"{job['myogo_url']}/api/v1/{path}", params={"limit": 250, "page": page})
                rows_of_page = orjson.loads(answer.content)
                rows += len(rows_of_page)
                last = len(rows_of_page) < 250
            counts[f"myogo {path.lower()}"] = rows
    return counts


def token(job: dict[str, Any]) -> str:
    credentials = job["myogo"]
    answer = requests.post(
        job["token_url"],
        data={
            "grant_type": "password",
            "scope": "read:product write:product",
            "client_id": credentials["client_id"],
            "client_secret": credentials["client_secret"],
            "username": credentials["merchant_id"],
            "password": credentials["secret_token"],
        },
    )
    return str(answer.json()["access_token"])

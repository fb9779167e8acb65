"""The form with the settings as a browser sends it, and what a person types into it."""

from __future__ import annotations

from html.parser import HTMLParser

from pipelines.sandbox import Sandbox
from pipelines.sandbox.common.credentials import CREDENTIALS

Sent = dict[str, list[str]]


class _Inputs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sent: Sent = {}
        self.kinds: dict[str, str] = {}
        self._inside, self._is_first, self._select, self._text = False, True, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self._inside = given.get("class") == "settings"
        elif self._inside and tag == "input":
            self.kinds[name] = given.get("type") or "text"
            if given.get("type") != "checkbox":
                self.sent.setdefault(name, []).append(value)
            elif "checked" in given:
                self.sent[name] = ["on"]
        elif self._inside and tag == "select":
            self._select, self._is_first = name, True
        elif self._inside and tag == "option" and ("selected" in given or self._is_first):
            values = self.sent.setdefault(self._select, [])
            values[len(values) if self._is_first else -1 :] = [value]
            self._is_first = False
        elif self._inside and tag == "textarea":
            self._text = name
            self.sent[name] = [""]

    def handle_data(self, data: str) -> None:
        if self._text:
            self.sent[self._text][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self.sent[self._text] = [self.sent[self._text][0].removeprefix("\n")]
            self._text = ""


def inputs(page: str) -> Sent:
    """What a browser would send if nothing was typed."""
    parser = _Inputs()
    parser.feed(page)
    return parser.sent


def kinds(page: str) -> dict[str, str]:
    """The type of each input, by name."""
    parser = _Inputs()
    parser.feed(page)
    return parser.kinds


def secret(name: str) -> str:
    """A credential of the sandbox."""
    return (CREDENTIALS / name).read_text("utf-8").strip()


def answers(box: Sandbox) -> dict[str, str]:
    """What a person types to connect the sandbox."""
    return {
        "systems.centra.base_url": box.centra_url,
        "systems.centra.token": secret("centra_token"),
        "systems.centra.timezone": "Europe/Helsinki",
        "systems.myogo.base_url": box.myogo_url,
        "systems.myogo.token_url": f"{box.myogo_url}/OAuth/Token",
        **{
            f"systems.myogo.{key}": secret(key) for key in ("client_id", "client_secret", "merchant_id", "secret_token")
        },
    }

"""What `init` asks for a system."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """The value of one key of `[systems.NAME]`.

    `hint` says where to find it. A `secret` goes to the project's `.env`, and is hidden while it is typed unless it is
    an `identifier`. A question with a `default` is answered by it, unless `ask_always`.
    """

    key: str
    text: str
    hint: str = ""
    default: str = ""
    secret: bool = False
    identifier: bool = False
    ask_always: bool = False

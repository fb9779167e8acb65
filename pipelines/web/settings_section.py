"""A section of the form with the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.web.settings_fields import Field


@dataclass
class Section:
    """A group of fields. `switch` turns a flow on; `more` are the fields that few people need. `status` says in a few
    words how things are, so that nobody has to open it for that."""

    title: str
    fields: list[Field] = field(default_factory=list)
    switch: Field | None = None
    more: list[Field] = field(default_factory=list)
    hint: str = ""
    status: str = ""
    opens: bool = False

    def __iter__(self) -> Iterator[Field]:
        yield from ([self.switch] if self.switch else [])
        yield from (*self.fields, *self.more)

    @property
    def is_open(self) -> bool:
        return self.opens or any(one.error for one in self)

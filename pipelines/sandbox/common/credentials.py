"""The throwaway credentials that both stand-ins accept, read from the files that a demo channel names."""

from dataclasses import dataclass, fields
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "data"


@dataclass(frozen=True)
class Credentials:
    """What a client must send; each field is the content of the file of that name in `data/sandbox`."""

    centra_token: str
    client_id: str
    client_secret: str
    merchant_id: str
    secret_token: str

    @classmethod
    def fixed(cls) -> "Credentials":
        """The only credentials that the sandbox accepts."""
        folder = DATA / "sandbox"
        return cls(**{field.name: (folder / field.name).read_text().strip() for field in fields(cls)})

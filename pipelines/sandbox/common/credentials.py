"""The throwaway credentials that both stand-ins accept, read from the files that a demo channel names."""

from dataclasses import dataclass, fields
from pathlib import Path

CREDENTIALS = Path(__file__).resolve().parents[1] / "credentials"


@dataclass(frozen=True)
class Credentials:
    """What a client must send; each field is the content of the file of that name in CREDENTIALS."""

    centra_token: str
    client_id: str
    client_secret: str
    merchant_id: str
    secret_token: str

    @classmethod
    def fixed(cls) -> "Credentials":
        """The only credentials that the sandbox accepts."""
        return cls(**{field.name: (CREDENTIALS / field.name).read_text().strip() for field in fields(cls)})

"""How each vendor signs the webhooks it sends."""

import base64
import hashlib
import hmac


def centra_signature(secret: str, moment: int, body: bytes) -> str:
    """The `v1` of X-Centra-Signature in hex: over the moment in Unix seconds, a dot, and the form body as sent."""
    return hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()


def ogoship_signature(key: str, body: bytes) -> str:
    """The value of X-OGOship-Hmac-SHA256 in base64: over the body as sent."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()

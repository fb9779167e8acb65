"""The channel file for a running sandbox."""

from __future__ import annotations

from pipelines.sandbox.common.credentials import CREDENTIALS

TEMPLATE = """\
# The sandbox: stand-ins for Centra and myOGO on this machine (centra-myogo sandbox).
name = "demo"

[systems.centra]
base_url            = "{centra_url}"
token               = {{ file = "{secrets}/centra_token" }}
timezone            = "Europe/Stockholm"
page_size           = 100
requests_per_second = 500.0
max_in_flight       = 1
backoff_s           = 0.05

[systems.myogo]
base_url            = "{myogo_url}"
token_url           = "{myogo_url}/OAuth/Token"
client_id           = {{ file = "{secrets}/client_id" }}
client_secret       = {{ file = "{secrets}/client_secret" }}
merchant_id         = {{ file = "{secrets}/merchant_id" }}
secret_token        = {{ file = "{secrets}/secret_token" }}
requests_per_second = 1000.0
max_in_flight       = 4
backoff_s           = 0.05

[flows.products.params]
currency          = "EUR"
language          = "en"
language_by_store = {{ "Import" = "swe" }}   # wrong on purpose: myOGO takes two letters (rule LANG-001)

[flows.products.limits]
min_rows         = 1
max_creates      = {max_creates}
max_updates      = 2000
max_update_share = 0.75      # the sample's myOGO holds few products, and most of them old ones
"""


def channel_file(centra_url: str, myogo_url: str, max_creates: int = 5000, secrets: str | None = None) -> str:
    """The TOML text; it reads the sandbox's secrets from files in the folder `secrets`."""
    return TEMPLATE.format(
        centra_url=centra_url,
        myogo_url=myogo_url,
        max_creates=max_creates,
        secrets=secrets or str(CREDENTIALS),
    )

"""`[alerts]` of a channel file."""

from __future__ import annotations

import logging
import re
import warnings
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from pipelines.core.errors import ConfigError
from pipelines.core.logs import register_secret
from pipelines.core.redaction import MIN_LENGTH_NO_FALSE_MATCH
from pipelines.core.secret import Secret
from pipelines.core.url import WebAddress
from pipelines.systems.system import CheckResult

if TYPE_CHECKING:
    from apprise import NotifyBase

_INSTALL = "Install it: centra-myogo[alerts], for example uv tool install 'FILE.whl[alerts]'."
_NEED_URLS = ("withheld_share", "refused", "duration_s", "hours_since_success", "page")


class Alerts(BaseModel):
    """Where messages about a channel go, and when it needs attention although its push ended with exit 0.

    `withheld_share` is the share of the selected rows of a flow that may be withheld, `refused` the number of refused
    changes of a run from which on it needs attention. `hours_since_success` counts from the last push that ended with
    exit 0 or 3. `page` is the address below which each channel has its page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    urls: tuple[Secret, ...] = ()
    heartbeat: Secret | None = None
    withheld_share: float | None = Field(default=None, ge=0, le=1)
    refused: int | None = Field(default=None, ge=1)
    duration_s: float | None = Field(default=None, gt=0)
    hours_since_success: float | None = Field(default=None, gt=0, le=24 * 366)
    page: WebAddress | None = None

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        if unused := [key for key in _NEED_URLS if getattr(self, key) is not None and not self.urls]:
            raise ValueError(f'{unused[0]} needs a target for the messages: urls = [{{ env = "ALERT_URL" }}]')
        if not self.urls and self.heartbeat is None:
            raise ValueError('give urls = [{ env = "ALERT_URL" }], heartbeat = { env = "HEARTBEAT_URL" }, or both')
        return self

    def check(self) -> CheckResult:
        """Sends nothing. Raises ConfigError if apprise is not installed or an address cannot be used."""
        places = []
        if self.urls:
            require_apprise()
            names = [str(alert_target(secret).service_name) for secret in self.urls]
            places.append(f"messages go to {', '.join(names)}")
        if self.heartbeat is not None:
            heartbeat_address(self.heartbeat)
            places.append("a heartbeat for each push")
        return "ok", "; ".join(places), ""


def address_problem(url: str, *, is_heartbeat: bool) -> str:
    """Why messages, or heartbeats, cannot go to this address that somebody entered; "" if they can. Sends nothing."""
    register_secret(url)
    _mask_parts(url)
    try:
        if is_heartbeat:
            TypeAdapter(WebAddress).validate_python(url)
            return ""
        require_apprise()
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    except ConfigError as error:
        return f"cannot be used: {error.message} {error.fix}"
    import apprise

    if apprise.Apprise.instantiate(url) is None:
        return "is not one that apprise can use; write it as appriseit.com/services shows for your service"
    return ""


def place_of(secret: Secret) -> str:
    """The name of the variable, or the file, that holds an address."""
    return secret.env or str(secret.file)


def heartbeat_address(secret: Secret) -> str:
    """The address, without a slash at its end; all later messages mask it. Raises ConfigError."""
    url = secret.reveal()
    _mask_parts(url)
    try:
        address: str = TypeAdapter(WebAddress).validate_python(url)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"alerts.heartbeat: the address in {place_of(secret)} {reason}.",
            "Copy the ping address of the check again, such as https://hc-ping.com/ and its id.",
        ) from None
    return address


def require_apprise() -> None:
    """Loads apprise with all its services, which takes a second. Raises ConfigError if it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its services import deprecated modules
        try:
            import apprise
        except ImportError as error:
            raise ConfigError("alerts.urls needs the package apprise, which is not installed.", _INSTALL) from error
        quiet = logging.getLogger("apprise")  # its messages quote addresses
        quiet.propagate = False
        if not quiet.handlers:
            quiet.addHandler(logging.NullHandler())
        apprise.Apprise.instantiate("json://localhost")


def alert_target(secret: Secret) -> NotifyBase:
    """The service that the address names; all later messages mask the address. Needs `require_apprise` first.

    Raises ConfigError.
    """
    import apprise

    url = secret.reveal()
    _mask_parts(url)
    # Without a timeout of apprise, which would run the call in a thread that keeps the process alive.
    asset = apprise.AppriseAsset(app_id="centra-myogo", async_mode=False, http_redirects=False, service_timeout=0)
    target = apprise.Apprise.instantiate(url, asset=asset)
    if target is None:
        raise ConfigError(
            f"alerts.urls: the address in {place_of(secret)} is not one that apprise can use.",
            "Write it as https://appriseit.com/services/ shows for your service, such as slack://... or mailtos://...",
        )
    return target


def _mask_parts(url: str) -> None:
    """Masks its tokens and its password alone too: an error message may quote them without the rest.

    Long words without a digit stay, because a masked text must not be one that the systems' rows may contain.
    """
    for part in re.split(r"[/@:?&=,+#]+", url):
        if len(part) >= MIN_LENGTH_NO_FALSE_MATCH and "." not in part and re.search(r"\d", part):
            register_secret(part)
    if password := re.match(r"[^/]+://[^/@]*?:([^/@]+)@", url):
        register_secret(password[1])
        register_secret(unquote(password[1]))

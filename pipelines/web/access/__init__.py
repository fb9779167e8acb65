"""Who may do what on the pages: names of the host, sessions, log-in, roles, and checks of every form that is sent.

`protect` goes around the application. What it lets through has a user, the token for forms and the parsed form.
"""

from pipelines.web.access.channel_path import CHANNEL
from pipelines.web.access.middleware import protect
from pipelines.web.access.request_facts import (
    User,
    csrf_token,
    current_user,
    form,
    operator_notice,
    require_operator,
)

__all__ = ["CHANNEL", "User", "csrf_token", "current_user", "form", "operator_notice", "protect", "require_operator"]

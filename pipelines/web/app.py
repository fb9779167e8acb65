"""The application: the addresses of all pages, actions and webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from pipelines.web.access import CHANNEL
from pipelines.web.actions import Actions
from pipelines.web.acts import Act, perform
from pipelines.web.code_choices import CodeChoices
from pipelines.web.downloads import Downloads
from pipelines.web.fleet_page import FleetPage
from pipelines.web.history_page import HistoryPage
from pipelines.web.metrics_page import metrics
from pipelines.web.order_page import OrderPage
from pipelines.web.pages import Pages
from pipelines.web.project_channels import ProjectChannels
from pipelines.web.rendering import render
from pipelines.web.settings_page import SettingsPage

STATIC = Path(__file__).parent / "static"
_TITLES: Mapping[int, str] = {
    400: "Nothing was done",
    403: "Not allowed",
    404: "Not found",
    409: "Nothing was done",
    429: "Nothing was done",
}


def application(channels: ProjectChannels, acts: Sequence[Act] = ()) -> Starlette:
    """The application without access control: `pipelines.web.access.protect` goes around it. `acts` are those of the
    demonstration."""
    pages = Pages(channels, acts)
    actions, choices = Actions(pages), CodeChoices(pages)
    settings, downloads, history = SettingsPage(pages), Downloads(pages), HistoryPage(pages)
    one = f"/channels/{CHANNEL}"
    routes = [
        Route("/", pages.all_channels),
        Route("/fleet", FleetPage(channels).show),
        Route("/channels/new", settings.new),
        Route("/channels/new", settings.create, methods=["POST"]),
        Route(f"{one}/settings", settings.show),
        Route(f"{one}/settings", settings.save, methods=["POST"]),
        Route(f"{one}/", pages.first_flow),
        Route(f"{one}/flows/{{flow}}", pages.rows),
        Route(f"{one}/fix", pages.to_fix),
        Route(f"{one}/lists.xlsx", downloads.workbook),
        Route(f"{one}/lists.zip", downloads.csv_files),
        Route(f"{one}/runs", pages.runs),
        Route(f"{one}/runs/{{run_id}}", pages.report),
        Route(f"{one}/history", history.show),
        Route(f"{one}/orders/{{name}}", OrderPage(pages).show),
        Route(f"{one}/jobs/{{number:int}}", actions.job),
        Route(f"{one}/test", actions.test, methods=["POST"]),
        Route(f"{one}/refresh", actions.refresh, methods=["POST"]),
        Route(f"{one}/schedule", actions.schedule, methods=["POST"]),
        Route(f"{one}/flows/{{flow}}/plan", actions.plan, methods=["POST"]),
        Route(f"{one}/flows/{{flow}}/choices/{{choice}}", choices.choose, methods=["POST"]),
        Route(f"{one}/jobs/{{number:int}}/apply", actions.apply, methods=["POST"]),
        Route(f"{one}/jobs/{{number:int}}/stop", actions.stop, methods=["POST"]),
        Route("/acts/{act}", perform(acts), methods=["POST"]),
        Route("/health", _health),
        Route("/metrics", metrics(channels)),
        Mount(f"/hooks/{CHANNEL}", app=_hooks(channels)),
        Mount("/static", app=StaticFiles(directory=STATIC)),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _error})


async def _error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = _TITLES.get(error.status_code, "Error")
    back = _way_back(request, error.status_code)
    return render(request, "error.html.j2", error.status_code, title=title, message=error.detail, back=back)


def _way_back(request: Request, status: int) -> tuple[str, str]:
    """The address and the name of the page from which the user can go on."""
    path = request.path_params
    if "number" in path:
        return f"/channels/{path['channel']}/runs", f"Runs of {path['channel']}"
    if status == 400 and "flow" in path:
        return f"/channels/{path['channel']}/flows/{path['flow']}", f"Back to {path['flow']}"
    return "/", "All channels"


async def _health(_: Request) -> Response:
    """Whether this process answers; no facts about the channels, because anybody may ask."""
    return JSONResponse({"status": "ok"})


def _hooks(channels: ProjectChannels) -> Any:
    async def hooks(scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a webhook to the receiver of its channel, as `listen` has it."""
        one = channels.find(scope["path_params"]["channel"])
        receiver = one.hints.receiver if one and one.hints else None
        if receiver is None:
            await Response(status_code=404)(scope, receive, send)
        else:
            await receiver.app(scope, receive, send)

    return hooks

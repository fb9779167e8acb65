"""The complete lists as files: an Excel workbook, or a zip of CSV files."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipelines.config.channel import Channel
from pipelines.web.pages import Pages, in_published
from pipelines.web.published_tables import PublishedRows

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Write = Callable[[PublishedRows, Channel, Path], None]


class Downloads:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def workbook(self, request: Request) -> Response:
        """The lists as .xlsx."""
        return await self._file(request, "xlsx", WORKBOOK, _write_workbook)

    async def csv_files(self, request: Request) -> Response:
        """The lists as `report --csv` writes them, in one .zip."""
        return await self._file(request, "zip", "application/zip", _write_zip)

    async def _file(self, request: Request, ending: str, media_type: str, write: Write) -> Response:
        one, channel = self._pages.usable(request)

        def made(published: PublishedRows) -> dict[str, Any]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"lists.{ending}"
                write(published, channel, path)
                return {"bytes": path.read_bytes()}

        facts = await in_published(one, made)
        if "bytes" not in facts:
            raise HTTPException(404, facts["problem"])
        disposition = f"attachment; filename={channel.name}.{ending}"
        return Response(facts["bytes"], media_type=media_type, headers={"Content-Disposition": disposition})


def _write_workbook(published: PublishedRows, channel: Channel, path: Path) -> None:
    from pipelines.reports.xlsx_lists import write_workbook

    write_workbook(published.database, channel, path)


def _write_zip(published: PublishedRows, channel: Channel, path: Path) -> None:
    from pipelines.reports.csv_lists import write_lists
    from pipelines.reports.query import gather

    database = published.database
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in write_lists(database, channel, gather(database, channel), Path(folder)):
            archive.write(file, f"{channel.name}/{file.name}")

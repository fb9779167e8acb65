"""Makes docs/channels.png and docs/settings.png: the list of channels, and the form with the settings.

python docs/screenshots.py          takes a minute; needs playwright and Chromium
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright

from pipelines.sandbox.demo.pages import demo_project

DOCS = Path(__file__).resolve().parent
COMMAND = [sys.executable, "-m", "pipelines"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The channels with what makes them differ: all use the same stand-ins.
CHANNELS = {
    "de-web": ("", '\n[alerts]\nurls = [{ env = "ALERT_URL" }]\nhours_since_success = 24\n'),
    "fi-web": ('schedule = "every 1 h"\n', ""),
    "se-web": ("", '\n[alerts]\nurls = [{ env = "ALERT_URL" }]\nhours_since_success = 2\n'),
}


@contextmanager
def served(folder: Path, data: Path) -> Iterator[str]:
    """The address of the pages."""
    where = ["--project", str(folder), "--data", str(data)]
    log = folder / "serve.log"
    with log.open("wb") as output:
        serve = subprocess.Popen([*COMMAND, "serve", "--port", "0", *where], stdout=output, stderr=output)
    try:
        while (address := re.search(r"http://\S+:\d+", log.read_text("utf-8"))) is None:
            if serve.poll() is not None:
                sys.exit(log.read_text("utf-8"))
            time.sleep(0.1)
        yield address[0]
    finally:
        serve.terminate()
        serve.wait()


def main() -> None:
    os.environ["ALERT_URL"] = "json://127.0.0.1:9/"  # nobody listens there
    with tempfile.TemporaryDirectory() as temporary, demo_project(Path(temporary)) as (project, _):
        folder, data = project.folder, project.folder / "data"
        text = (project.channels / "demo.toml").read_text("utf-8")
        (project.channels / "demo.toml").unlink()
        for name, (head, tail) in CHANNELS.items():
            own = head + text.replace('name = "demo"', f'name = "{name}"') + tail
            (project.channels / f"{name}.toml").write_text(own, "utf-8")
        where = ["--project", str(folder), "--data", str(data)]
        for words in (["plan", "de-web"], ["push", "se-web", "--flow", "products"]):
            subprocess.run([*COMMAND, *words, *where], check=False, stdout=subprocess.DEVNULL)
        yesterday = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=26)
        (data / "de-web" / "alerts.json").write_text(json.dumps({"good_at": f"{yesterday:%Y-%m-%dT%H:%M:%S}"}), "utf-8")
        with served(folder, data) as address, sync_playwright() as tool:
            chromium = next(filter(None, map(shutil.which, BROWSERS)))
            browser = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 420})
            page.goto(address)
            page.locator(".state.stale").wait_for(timeout=120_000)
            page.screenshot(path=DOCS / "channels.png", full_page=True)
            page.goto(f"{address}/channels/se-web/settings")
            page.locator("summary", has_text="Schedule").click()
            page.screenshot(path=DOCS / "settings.png", full_page=True)
            browser.close()


if __name__ == "__main__":
    main()

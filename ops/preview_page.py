"""A message as a page that looks like Discord, by the template of the simulator; and a picture of it, by Chromium."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ops.simulators.discord.journal import Journal, Line
from ops.simulators.discord.pages import ROOT, Pages
from ops.simulators.wire import Request

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH = 620
PATIENCE = 60.0
"""Seconds that the browser may take."""

_ALONE = """<style>
nav, aside, header, .day { display: none; }
main { position: static; display: block; overflow: visible; }
article { padding-right: 16px; }
#messages { padding-bottom: 16px; }
</style>"""
"""The message without the channels around it."""
_MEASURE = "<script>document.body.dataset.height = document.documentElement.scrollHeight</script>"


class PictureError(Exception):
    """No picture can be taken; says why."""


def page(payload: Mapping[str, object], now: float) -> str:
    """Give the HTML of the message as of `now` in epoch seconds; it stands alone, but for the game's pictures."""
    journal = Journal(None)
    try:
        journal.add(Line("post", "1", "preview", "preview", now, msgspec.Raw(msgspec.json.encode(payload))))
        shown = Pages(journal, lambda: now).handle(Request("GET", f"{ROOT}/preview"))
    finally:
        journal.close()
    without_script = re.sub("<script>.*?</script>|<noscript>.*?</noscript>", "", shown.body.decode(), flags=re.DOTALL)
    return without_script.replace("</head>", f"{_ALONE}</head>")


def photograph(html: str, png: Path) -> None:
    """Write the picture of a page, as high as the page is. Raises PictureError."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise PictureError(f"a picture needs one of {', '.join(BROWSERS)}, and none is installed; --html needs none")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "page.html"), Path(folder, "page.png")
        source.write_text(html.replace("</body>", f"{_MEASURE}</body>"), "utf-8")
        measured = re.search(r'data-height="(\d{1,5})"', _run(browser, folder, source, "--dump-dom", 100))
        if measured is None:
            raise PictureError(f"{browser} did not show the page")
        _run(browser, folder, source, f"--screenshot={target}", int(measured[1]))
        if not target.exists():
            raise PictureError(f"{browser} took no picture")
        shutil.copyfile(target, png)


def _run(browser: str, folder: str, source: Path, what: str, height: int) -> str:
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--hide-scrollbars",
        f"--user-data-dir={folder}/profile",
        f"--window-size={WIDTH},{height}",
        # Chromium refuses to run as root with its sandbox, and in a container people are root.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        what,
        source.as_uri(),
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603 – no shell; a browser of BROWSERS
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PictureError(f"{browser} does not run ({type(error).__name__})") from None
    return done.stdout.decode("utf-8", "replace")

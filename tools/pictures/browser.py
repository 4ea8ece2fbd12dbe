"""A headless Chromium that opens pages and takes pictures of them, small enough for a repository.

The browser is the system's own: Playwright only speaks to it.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    "--no-first-run",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1400, 900
COLOURS = 96
MOST_BYTES = 150_000


class MissingError(Exception):
    """Something is not installed; the text says how to install it."""


class Browser:
    """Takes pictures of pages.

    Args:
        page: Playwright's page, which is driven for everything but the pictures.
        folder: Where pictures go.
    """

    def __init__(self, page: Any, folder: Path) -> None:
        self.page = page
        self._folder = folder

    def open(self, url: str, *, until: str = "", pause_s: float = 2.0) -> None:
        """Open a page and wait until it shows a text, and then for what is drawn around it."""
        self.page.goto(url, wait_until="domcontentloaded", timeout=120_000)
        if until:
            self.page.get_by_text(until).first.wait_for(state="visible", timeout=120_000)
        self.rest(pause_s)

    def rest(self, seconds: float = 1.0) -> None:
        """Let the page come to rest."""
        self.page.wait_for_timeout(seconds * 1000)

    def size(self, height: int = HEIGHT, width: int = WIDTH) -> None:
        """Size of the window, in pixels."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.rest()

    def picture(self, name: str) -> None:
        """Save what the window shows, in few colours."""
        from PIL import Image

        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        file = self._folder / f"{name}.png"
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        size = file.stat().st_size
        print(f"  {file} ({size / 1000:.0f} kB)", flush=True)
        if size > MOST_BYTES:
            raise ValueError(f"{file} has {size} bytes, more than {MOST_BYTES}")


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start the browser, with a profile of its own that is removed afterwards."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        raise MissingError(
            "no Chromium found; on Debian and Ubuntu: apt-get install chromium, "
            "on macOS: brew install --cask chromium"
        )
    try:
        from PIL import Image  # noqa: F401 -- so that it is missed before servers are started
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise MissingError(f'{error}; pip install -c constraints.txt ".[pictures]"') from error

    folder.mkdir(parents=True, exist_ok=True)
    with (
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory(prefix="synaflow-pictures-") as profile,
    ):
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable,
            headless=True,
            chromium_sandbox=False,  # it cannot be had as root, in a container; pages are our own
            args=list(FLAGS),
            viewport={"width": WIDTH, "height": HEIGHT},
            color_scheme="light",
            reduced_motion="reduce",
        )
        try:
            yield Browser(context.pages[0], folder)
        finally:
            context.close()

"""Picture of the page that the target ``html`` writes."""

from __future__ import annotations

from tools.pictures.browser import Browser
from tools.pictures.inputs import WEB_LOGS, Inputs


def take(browser: Browser, inputs: Inputs) -> None:
    """Write the page, choose a step, take the picture."""
    inputs.export("html", WEB_LOGS, inputs.work)
    browser.size(height=620)
    browser.open(f"{(inputs.work / 'web_logs.html').as_uri()}#step=owners", until="web_logs")
    browser.picture("html-page")

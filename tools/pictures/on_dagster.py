"""Pictures of Dagster: the lineage, the launchpad, an asset and its check."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from tests.targets.dagster.server import Server, serving
from tools.pictures.browser import Browser
from tools.pictures.inputs import WEB_LOGS, Inputs

QUIET = "telemetry: {enabled: false}\nnux: {enabled: false}\n"


def take(browser: Browser, inputs: Inputs) -> None:
    """Start a server and a daemon, run the job, take the pictures."""
    with running(inputs) as server:
        pictures(browser, server)


@contextlib.contextmanager
def running(inputs: Inputs) -> Iterator[Server]:
    """Export and run; gives the server."""
    home = inputs.work / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(QUIET, encoding="utf-8")
    os.environ["SYNAFLOW_STORE"] = (home / "store").as_uri()
    inputs.export("dagster", WEB_LOGS, home / "defs")
    config = {"resources": {"web_logs_params": {"config": inputs.params()}}}
    with serving(home / "defs" / "web_logs" / "definitions.py", home) as server:
        run = server.launch("web_logs", config)["run"]["runId"]
        server.finished(run)
        yield server


def pictures(browser: Browser, server: Server) -> None:
    """Take them."""
    place = server.selector("web_logs")
    location = f"{place['repositoryName']}@{place['repositoryLocationName']}"
    home = f"{server.url}/locations/{location}"
    browser.size(height=700)
    browser.open(f"{home}/asset-groups/web_logs/lineage", until="sessions", pause_s=6)
    browser.picture("dagster-lineage")
    browser.size(height=880)
    browser.open(f"{home}/jobs/web_logs/playground", until="log_path", pause_s=4)
    browser.picture("dagster-launchpad")
    asset = f"{server.url}/assets/web_logs/hits"
    browser.open(f"{asset}?view=checks", until="first error", pause_s=4)
    browser.picture("dagster-check")
    browser.size(height=1000)
    browser.open(f"{asset}?view=events", until="lookups", pause_s=4)
    browser.picture("dagster-asset")

"""Pictures of Airflow 3: a run as a graph, the form, a task's log and documentation, an asset."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from tests.targets.airflow.standalone import Standalone
from tests.targets.airflow.starting import airflow_3
from tools.pictures.browser import Browser
from tools.pictures.inputs import NEWSLETTER, WEB_LOGS, Inputs


def take(browser: Browser, inputs: Inputs) -> None:
    """Start Airflow, run the DAG, take the pictures."""
    home = inputs.work / "airflow"
    os.environ["SYNAFLOW_STORE"] = (home / "store").as_uri()
    with airflow_3(home) as server:
        run = start(server, home, inputs)
        pictures(browser, server, run)


def start(server: Standalone, home: Path, inputs: Inputs) -> str:
    """Export both pipelines and run one; returns the id of the run."""
    for pipe in (WEB_LOGS, NEWSLETTER):
        inputs.export("airflow", pipe, home / "dags")
    run = server.trigger("web_logs", inputs.params())
    server.wait_for_run("web_logs", run)
    return run


def pictures(browser: Browser, server: Standalone, run: str) -> None:
    """Take them."""
    dag = f"{server.url}/dags/web_logs"
    page = browser.page
    browser.size(height=620)
    browser.open(f"{dag}/runs/{quote(run)}/tasks/read_log", until="owners", pause_s=4)
    browser.picture("airflow-log")

    browser.open(f"{dag}/tasks/read_log", until="Trigger Rule")
    page.locator("button:has(svg.lucide-book-open), button[aria-label*=ocument]").first.click()
    browser.rest(3)
    browser.picture("airflow-task-docs")

    (asset,) = (a for a in server.get("/assets")["assets"] if a["name"] == "web_logs/summary")
    browser.open(f"{server.url}/assets/{asset['id']}", until="Asset Event", pause_s=4)
    browser.picture("airflow-asset")

    browser.open(f"{dag}/runs/{quote(run)}", until="summary")
    page.locator("button[aria-label*=raph]").first.click()
    browser.rest(4)
    browser.picture("airflow-run")

    browser.size(height=2000)
    browser.open(f"{server.url}/dags/newsletter", until="Latest Dag Version")
    page.get_by_role("button", name="Trigger").first.click()
    browser.rest(4)
    browser.picture("airflow-form")

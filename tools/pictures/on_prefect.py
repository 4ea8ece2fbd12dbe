"""Pictures of Prefect: the form of a deployment, a run, its tasks and its artifacts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.targets.prefect.server import PREFECT, prefect_home, stop
from tools.pictures.browser import Browser
from tools.pictures.inputs import NEWSLETTER, WEB_LOGS, Inputs


def take(browser: Browser, inputs: Inputs) -> None:
    """Start a server and a worker, run the flow, take the pictures."""
    with running(inputs) as run:
        pictures(browser, run)


@contextlib.contextmanager
def running(inputs: Inputs) -> Iterator[str]:
    """Deploy both flows and run one; gives the id of the flow run."""
    home = prefect_home()
    flows = inputs.work / "flows"
    os.environ["SYNAFLOW_STORE"] = (home / "store").as_uri()
    os.environ["PREFECT_SERVER_UI_API_URL"] = os.environ["PREFECT_API_URL"]
    for pipe in (WEB_LOGS, NEWSLETTER):
        inputs.export("prefect", pipe, flows)
    prefect(flows, "work-pool", "create", "default", "--type", "process")
    prefect(flows, "--no-prompt", "deploy", "--all")
    log = (home / "worker.log").open("wb")
    worker = subprocess.Popen(
        [*PREFECT, "worker", "start", "--pool", "default"],
        cwd=flows,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        params = json.dumps(inputs.params())
        prefect(flows, *("deployment", "run", "web_logs/web_logs", "--params", params, "--watch"))
        (run,) = ask("flow_runs/filter", limit=1)
        yield str(run["id"])
    finally:
        stop(worker)


def prefect(folder: Path, *words: str) -> None:
    """Run Prefect's command line."""
    subprocess.run([*PREFECT, *words], cwd=folder, check=True, capture_output=True)


def ask(path: str, **body: Any) -> Any:
    """Ask the API."""
    import httpx

    answer = httpx.post(f"{os.environ['PREFECT_API_URL']}/{path}", json=body)
    answer.raise_for_status()
    return answer.json()


def pictures(browser: Browser, run: str) -> None:
    """Take them."""
    ui = os.environ["PREFECT_API_URL"].removesuffix("/api")
    deployments = {found["name"]: found["id"] for found in ask("deployments/filter")}
    artifacts = {found["key"]: found["id"] for found in ask("artifacts/filter")}
    (task,) = (t["id"] for t in ask("task_runs/filter") if t["name"].startswith("read_log"))
    page = browser.page

    browser.size(height=1300)
    browser.open(f"{ui}/runs/flow-run/{run}", until="CompletedWithErrors", pause_s=6)
    page.get_by_text("Artifacts", exact=True).nth(-1).click()
    browser.rest(3)
    browser.picture("prefect-run")

    browser.size(height=620)
    for key in ("read-log", "datasets"):
        artifact = artifacts[f"web-logs-{key}"]
        browser.open(f"{ui}/artifacts/artifact/{artifact}", until="Items", pause_s=4)
        browser.picture(f"prefect-{key}")

    browser.size(height=860)
    browser.open(f"{ui}/runs/task-run/{task}", until="so far", pause_s=4)
    browser.picture("prefect-task")

    deployment = f"{ui}/deployments/deployment/{deployments['web_logs']}"
    browser.open(deployment, until="Description", pause_s=3)
    page.get_by_text("Description", exact=True).first.click()
    browser.rest(2)
    browser.picture("prefect-deployment")

    browser.size(height=2050)
    form = f"{ui}/deployments/deployment/{deployments['newsletter']}/run"
    browser.open(form, until="For the archive", pause_s=3)
    browser.picture("prefect-form")

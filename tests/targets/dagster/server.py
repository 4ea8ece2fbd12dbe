"""A real Dagster server and daemon, asked over GraphQL."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
    }


class Server:
    """A running web server and daemon."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = process
        self._log = log

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The answer to a GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def selector(self, job: str) -> dict[str, str]:
        """What names a job."""
        (repository,) = self.ask(REPOSITORIES)["repositoriesOrError"]["nodes"]
        return {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "pipelineName": job,
        }

    def launch(self, job: str, config: Any) -> dict[str, Any]:
        """Launch a run as the launchpad does."""
        params = {"selector": self.selector(job), "runConfigData": config}
        launched: dict[str, Any] = self.ask(LAUNCH, params=params)["launchRun"]
        return launched

    def finished(self, run_id: str) -> str:
        """The status of a run, once it has ended."""
        while True:
            status = str(self.ask(STATUS, run=run_id)["runOrError"]["status"])
            if status in ("SUCCESS", "FAILURE", "CANCELED"):
                return status
            self.check()
            time.sleep(0.3)

    def terminate(self, run_id: str) -> None:
        """Stop a run as the button does: its processes are interrupted."""
        answer = self.ask(TERMINATE, run=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def run_with_tag(self, key: str, value: str) -> str:
        """Id of the run that has a tag, once there is one."""
        filters = {"tags": [{"key": key, "value": value}]}
        while not (runs := self.ask(RUNS, filter=filters)["runsOrError"]["results"]):
            self.check()
            time.sleep(0.3)
        (run,) = runs
        return str(run["runId"])

    def check(self) -> None:
        """Fail with its log if it has ended."""
        assert self._process.poll() is None, self._log.read_text()

    def wait(self) -> None:
        """Wait until it answers and has loaded the definitions."""
        while True:
            self.check()
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                if self.ask(REPOSITORIES)["repositoriesOrError"].get("nodes"):
                    return
            time.sleep(0.3)


def dagster_home(parent: Path) -> Path:
    """A home of Dagster of its own, below a folder."""
    folder = parent / "home"
    folder.mkdir()
    quiet = "telemetry: {enabled: false}\nnux: {enabled: false}\n"
    quick = "run_queue: {dequeue_interval_seconds: 1}\n"
    (folder / "dagster.yaml").write_text(quiet + quick)
    return folder


@contextlib.contextmanager
def serving(file: Path, home: Path) -> Iterator[Server]:
    """``dagster dev``: a web server and the daemon, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "dev.log"
    command = [str(BIN / "dagster"), "dev", "-f", str(file), "-h", "127.0.0.1"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "-p", str(port)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment(home),
            cwd=home,
            start_new_session=True,
        )
    try:
        server = Server(port, process, log)
        server.wait()
        yield server
    finally:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


REPOSITORIES = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }
"""

LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""

TERMINATE = """
mutation($run: String!) {
  terminateRun(runId: $run) {
    __typename
    ... on TerminateRunFailure { message }
    ... on PythonError { message }
  }
}
"""

STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"

RUNS = """
query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results { runId } } } }
"""

"""The sharded example that every cluster runs, held half way so that a worker can be lost.

The pipeline is ``examples/web_logs`` as it is, with one call more in the step that is sharded: the
first line that a process parses makes it leave a file named after its pid, and wait for as long as
the test says. So a worker is lost in the middle of a shard, never by chance before or after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.web_logs.lookup_server import LookupServer
from examples.web_logs.make_log import write_log
from synaflow_core import run
from synaflow_export.loading.load import load
from synaflow_export.plan import PlanOptions
from tests.conformance.observed import Counts, Observed
from tests.processes import wait_for

SHARDS = 4
LINES = 20_000
PLAN = PlanOptions(shards=(("hits", SHARDS),))
SOURCE = Path(__file__).resolve().parents[2] / "examples" / "web_logs" / "pipe.py"

HELD = '''

def held(_told: set[int] = set()) -> None:
    """Tell which process is at work, and wait while the test looks."""
    import os
    import time

    folder = Path(os.environ["WEB_LOGS_HELD"])
    if os.getpid() not in _told:
        _told.add(os.getpid())
        (folder / str(os.getpid())).touch()
        while (folder / "hold").exists():
            time.sleep(0.05)
'''
BEFORE_STEPS, FIRST_LINE = "\n\nweb_logs = pipeline(", "    match = LINE.fullmatch(line)\n"


@dataclass
class WebLogs:
    """The example and what it has to come to.

    Attributes:
        pipe: The file to export.
        params: Of every run.
        expected: What ``run()`` gives for them in process; see :func:`plain`.
        environment: What the workers need to know.
        released: When the hold ended, by the clock of ``time.monotonic``.
    """

    pipe: Path
    params: dict[str, Any]
    expected: Observed
    environment: dict[str, str]
    released: float = 0.0

    @property
    def held(self) -> Path:
        """Where processes at work leave their pids."""
        return Path(self.environment["WEB_LOGS_HELD"])

    def hold(self) -> None:
        """From here on, processes wait at the first line of their first shard."""
        for told in self.held.iterdir():
            told.unlink()
        (self.held / "hold").touch()

    def working(self) -> list[int]:
        """The processes that have begun a shard."""
        return [int(told.name) for told in self.held.iterdir() if told.name.isdigit()]

    def wait_for_workers(self, count: int, over: Callable[[], object] = lambda: False) -> list[int]:
        """Wait until so many processes are at work on a shard, or all is over; their pids."""
        wait_for(
            lambda: len(self.working()) >= count or bool(over()),
            f"{count} processes at work on shards",
        )
        return self.working()

    def check(self, outputs: Mapping[str, Any], counts: Mapping[str, Counts]) -> None:
        """Hold what a cluster made of it against ``run()``."""
        assert plain(outputs, counts) == self.expected

    def release(self) -> None:
        """Let them go on."""
        (self.held / "hold").unlink()
        self.released = time.monotonic()


def make(folder: Path, server: LookupServer) -> WebLogs:
    """Write the log and the pipeline's file, and run it here for what is expected."""
    text = SOURCE.read_text(encoding="utf-8")
    assert text.count(BEFORE_STEPS) == text.count(FIRST_LINE) == 1
    text = text.replace(FIRST_LINE, f"    held()\n{FIRST_LINE}")
    pipe, log, held = folder / "pipe.py", folder / "access.log", folder / "held"
    pipe.write_text(text.replace(BEFORE_STEPS, HELD + BEFORE_STEPS), encoding="utf-8")
    held.mkdir()
    write_log(log, lines=LINES)
    params = {
        "log_path": str(log),
        "report_path": str(folder / "report.csv"),
        "lookup_url": server.url,
    }
    unchanged = load(str(SOURCE))
    assert unchanged.pipeline is not None
    done = run(unchanged.pipeline, params)
    counts = {name: (step.status, step.ok, step.errors) for name, step in done.steps.items()}
    no_proxy = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environment = {"WEB_LOGS_HELD": str(held), "PYTHONUNBUFFERED": "1", **no_proxy}
    return WebLogs(pipe, params, plain(done.outputs, counts), environment)


def plain(outputs: Mapping[str, Any], counts: Mapping[str, Counts]) -> Observed:
    """An outcome without the classes of the pipeline's file, of which each load has its own."""
    return Observed({name: asdict(value) for name, value in outputs.items()}, counts)

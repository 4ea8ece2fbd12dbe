"""What is shown: two pipelines, exported as a user does it, and the input of a run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.web_logs.make_log import write_log

ROOT = Path(__file__).resolve().parents[2]
WEB_LOGS = ROOT / "examples" / "web_logs" / "pipe.py"
NEWSLETTER = Path(__file__).with_name("newsletter.py")
LINES = 100_000


@dataclass(frozen=True)
class Inputs:
    """Input of the runs.

    Attributes:
        work: Folder for all that is written.
        lookup_url: The service that `web_logs` asks.
    """

    work: Path
    lookup_url: str

    def export(self, target: str, pipe: Path, folder: Path, *options: str) -> None:
        """Export a pipeline with the command."""
        command = [sys.executable, "-m", "synaflow_export", target, str(pipe)]
        subprocess.run([*command, "--out", str(folder), *options], check=True, cwd=ROOT)

    def params(self) -> dict[str, Any]:
        """Params of a run of `web_logs`."""
        log = self.work / "access.log"
        if not log.exists():
            write_log(log, lines=LINES)
        return {
            "log_path": str(log),
            "report_path": str(self.work / "report.csv"),
            "lookup_url": self.lookup_url,
        }

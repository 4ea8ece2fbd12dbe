"""Where the demo puts things, and what can go wrong in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIPE = ROOT / "examples" / "web_logs" / "pipe.py"
DAG_ID = "web_logs"


class DemoError(Exception):
    """Something failed; the text says what, and where to read more."""


@dataclass(frozen=True)
class Places:
    """Where the demo puts things; ``home`` is temporary, the rest stays."""

    work: Path
    home: Path

    @property
    def log(self) -> Path:
        """The access log, the pipeline's input."""
        return self.work / "access.log"

    @property
    def report(self) -> Path:
        """The CSV file that the pipeline writes."""
        return self.work / "report.csv"

    @property
    def dags(self) -> Path:
        """Airflow's DAG folder, what is exported."""
        return self.work / "dags"

    @property
    def dag_file(self) -> Path:
        """The file that is exported for Airflow."""
        return self.dags / f"{DAG_ID}_dag.py"

    @property
    def output(self) -> Path:
        """Everything that the commands print."""
        return self.work / "demo.log"

    @property
    def database(self) -> Path:
        """Airflow's database."""
        return self.home / "airflow.db"

    @property
    def store(self) -> str:
        """URL of the handoff store."""
        return (self.home / "store").as_uri()

    def environment(self) -> dict[str, str]:
        """Settings for a fast Airflow that touches nothing outside these folders."""
        return {
            **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            "SYNAFLOW_STORE": self.store,
            "NO_PROXY": "127.0.0.1",  # the lookup service is here, whatever proxy is set
            "no_proxy": "127.0.0.1",
            "PYTHONUNBUFFERED": "1",
        }

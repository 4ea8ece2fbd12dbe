"""What phases log stands on stderr while ``run`` goes on."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.cli.starting import COMMAND, environment

PIPE = """
    import logging

    from synaflow_core.phases import (
        BaseStep, BaseStepContext, LoggingStep, StepRegistry, StepResult
    )

    SETUP = None


    class Load(BaseStep[BaseStepContext]):
        name = "load"
        progress_weight = 1.0

        def execute(self, context: BaseStepContext) -> StepResult:
            context.log("loaded", {"rows": 3})
            return StepResult()


    registry = StepRegistry[BaseStepContext]()
    registry.register(LoggingStep(Load()))
    p = registry.to_pipeline("p", context=BaseStepContext)
"""
OWN = "logging.basicConfig(level=logging.INFO, format='mine: %(message)s')"


@pytest.mark.parametrize(
    ("options", "set_up", "begins"),
    [
        ([], "", ["step_start", "loaded {'step': 'load', 'rows': 3}", "step_end"]),
        (["--quiet"], "", []),
        ([], OWN, ["mine: step_start", "mine: loaded", "mine: step_end"]),
    ],
    ids=["shown", "quiet", "a log of the user's own"],
)
def test_what_phases_log(project: Any, options: list[str], set_up: str, begins: list[str]) -> None:
    project.write("pipe.py", PIPE.replace("SETUP = None", set_up))
    done = subprocess.run(
        [*COMMAND, "run", "pipe.py", *options],
        cwd=project.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert len(lines) == len(begins)
    assert all(line.startswith(begin) for line, begin in zip(lines, begins, strict=True))

"""Every scenario, everywhere: the same outputs, counts, files and failure as `run()`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from synaflow_core import SynaflowError, async_run, run
from synaflow_core.engine import Monitor
from synaflow_export.loading.load import load
from tests.conformance.matrix import PAGE, page
from tests.conformance.observed import Observed
from tests.conformance.runners import Runner
from tests.scenarios.catalogue import PIPES, SCENARIOS, Scenario


def in_process(scenario: Scenario, folder: Path) -> Observed:
    """What ``run()`` or ``async_run()`` gives."""
    loaded = load(f"{scenario.file}:p")
    assert loaded.pipeline is not None
    params: Any = scenario.params_for(folder)
    monitor = Monitor()
    error = ""
    outputs: dict[str, Any] = {}
    with loaded.importable():
        try:
            if scenario.asynchronous:
                outputs = asyncio.run(async_run(loaded.pipeline, params, monitor=monitor)).outputs
            else:
                outputs = run(loaded.pipeline, params, monitor=monitor).outputs
        except SynaflowError as failure:
            error = str(failure)
    counts = {step.name: (step.status, step.ok, step.errors) for step in monitor.snapshot()}
    return Observed(outputs, counts, error)


def assert_files(scenario: Scenario, folder: Path) -> None:
    for name, lines in scenario.files.items():
        assert sorted((folder / name).read_text(encoding="utf-8").splitlines()) == lines


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_in_process_it_is_what_the_catalogue_says(scenario: Scenario, folder: Path) -> None:
    observed = in_process(scenario, folder)
    if scenario.fails:
        assert scenario.fails in observed.error
        return
    assert observed.error == ""
    assert {name: observed.outputs[name] for name in scenario.outputs} == scenario.outputs
    assert {name: observed.counts[name][1:3] for name in scenario.counts} == scenario.counts
    unusual = {name: told[0] for name, told in observed.counts.items() if told[0] != "ok"}
    assert unusual == scenario.statuses
    assert_files(scenario, folder)


def test_everywhere_it_is_what_it_is_in_process(
    scenario: Scenario, runner: Runner, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    observed = runner.run(scenario, folder)
    if scenario.fails:
        assert scenario.fails in observed.error
        return
    assert observed.error == ""
    assert_files(scenario, folder)
    os.environ["SCENARIO_FOLDER"] = str(elsewhere := tmp_path_factory.mktemp("in_process"))
    expected = in_process(scenario, elsewhere)
    assert observed.outputs == expected.outputs
    assert observed.counts == expected.counts


def test_every_pipe_is_a_scenario() -> None:
    assert {file.stem for file in PIPES.glob("*.py")} == {each.name for each in SCENARIOS}


def test_the_documentation_has_this_matrix() -> None:
    """``UPDATE_GOLDEN=1`` writes it anew."""
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()

"""Runners for the session, and the matrix at the end of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.matrix import gaps, table
from tests.conformance.runners import RUNNERS, Runner, runner_class
from tests.scenarios.catalogue import SCENARIOS, Scenario

_CELL = "conformance cell"  # property of a report
_CELLS = pytest.StashKey["_Cells"]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_CELLS] = cells = _Cells()
    config.pluginmanager.register(cells)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per scenario and column; runs of one column stand together."""
    if {"scenario", "column"} <= set(metafunc.fixturenames):
        missing = gaps()
        cases = [
            pytest.param(
                scenario,
                column,
                id=f"{column.replace(' ', '')}-{scenario.name}",
                marks=[pytest.mark.skip(reason=missing[scenario.name, column])]
                if (scenario.name, column) in missing
                else [],
            )
            for column in RUNNERS
            for scenario in SCENARIOS
        ]
        metafunc.parametrize(("scenario", "column"), cases)


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Runner]]:
    started: dict[str, Runner] = {}
    with ExitStack() as stack:
        stack.callback(started.clear)
        yield _Starting(tmp_path_factory, stack, started)


class _Starting(dict[str, Runner]):
    """Runners by column, each started when it is first asked for."""

    def __init__(
        self, folders: pytest.TempPathFactory, stack: ExitStack, started: dict[str, Runner]
    ) -> None:
        super().__init__(started)
        self._folders, self._stack = folders, stack

    def __missing__(self, column: str) -> Runner:
        runner = runner_class(column)(self._folders.mktemp("runner"))
        self._stack.enter_context(runner.started())
        self[column] = runner
        return runner


@pytest.fixture
def runner(_started: dict[str, Runner], column: str) -> Runner:
    """The runner of a column."""
    return _started[column]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for one run, told to handlers by a variable."""
    monkeypatch.setenv("SCENARIO_FOLDER", str(tmp_path))
    return tmp_path


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Say in the report which cell of the matrix it is of."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pytest's hook protocol
    params = getattr(getattr(item, "callspec", None), "params", {})
    scenario, column = params.get("scenario"), params.get("column")
    if isinstance(scenario, Scenario) and isinstance(column, str):
        report.user_properties.append((_CELL, (scenario.name, column)))


class _Cells:
    """Keeps what became of each cell, also of those that another process ran."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == _CELL:
                scenario, column = value  # type: ignore[misc]  # a pair, or a list that was one
                if report.failed:
                    self.found[scenario, column] = "FAILED"
                elif report.when == "call":
                    self.found.setdefault((scenario, column), "ok")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix, if its tests ran."""
    cells = terminalreporter.config.stash[_CELLS].found
    if not cells:
        return
    missing = gaps()
    keys = [(scenario.name, column) for scenario in SCENARIOS for column in RUNNERS]
    told = {key: cells.get(key, "not run") for key in keys if key in cells or key not in missing}
    lines, reasons = table(missing, told)
    terminalreporter.section("conformance: the same result as run()")
    for line in lines:
        terminalreporter.write_line(line)
    for number, reason in enumerate(reasons, 1):
        terminalreporter.write_line(f"({number}) {reason}")

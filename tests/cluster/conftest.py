"""The example, once per session, and the table at the end: what each cluster lost, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.web_logs.lookup_server import LookupServer
from tests.cluster.web_logs import WebLogs, make

Tell = Callable[..., None]
_rows: list[tuple[str, ...]] = []


@pytest.fixture(scope="session")
def made_web_logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebLogs]:
    """The example with its log, lookup service and expected result."""
    with LookupServer() as server:
        yield make(tmp_path_factory.mktemp("web_logs"), server)


@pytest.fixture
def web_logs(made_web_logs: WebLogs, monkeypatch: pytest.MonkeyPatch) -> WebLogs:
    """The example, held from its first shard on."""
    for name, value in made_web_logs.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SYNAFLOW_STORE", raising=False)
    made_web_logs.hold()
    return made_web_logs


@pytest.fixture
def tell() -> Tell:
    """Puts a row into the table: the cluster, its run, what it lost, tries, seconds."""

    def keep(*row: Any) -> None:
        _rows.append(tuple(str(cell) for cell in row))

    return keep


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    if not _rows:
        return
    heads = ("cluster", "run", "lost", "tries of the shards", "up", "done after")
    widths = [max(map(len, column)) for column in zip(heads, *_rows, strict=True)]
    terminalreporter.section("clusters that lost a worker")
    for row in (heads, *_rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells))

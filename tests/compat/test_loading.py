"""A file that is written against the public package is loaded, run and exported as it is."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from synaflow_core.errors import DefinitionError
from synaflow_core.handoff import DatasetRef, HandoffStore
from synaflow_core.macro.task import run_macro_task
from synaflow_export.cli import main
from synaflow_export.loading.load import LoadError, load
from synaflow_export.runtime.exported import Exported

ROOT = Path(__file__).resolve().parents[2]

PIPE = """
from collections.abc import Generator
from typing import NamedTuple

from synaflow import OnError, Observer, PipelineRegistry, include, pipeline, run, step
from synaflow.core.dag_builder import build_dag


class Params(NamedTuple):
    count: int = 4


class Sub(NamedTuple):
    numbers: list[int]


def numbers(count: int) -> Generator[int, None, None]:
    yield from range(count)


def double(number: int) -> int:
    if number == 2:
        raise ValueError("no twos")
    return number * 2


def adapt(double: list[int]) -> Sub:
    return Sub(double)


def total(numbers: list[int]) -> int:
    return sum(numbers)


def shown(sums: int) -> str:
    return f"total {sums}"


def told(ctx) -> None:
    print(ctx.event.value)


inner = pipeline("inner", Sub, [step("total", total)], exports="total")
outer = pipeline(
    "outer",
    Params,
    [
        step("numbers", numbers),
        step("double", double, on_error=OnError.CONTINUE),
        include("sums", adapt, inner),
        step("shown", shown),
    ],
    observers=[Observer(told)],
)

if __name__ == "__main__":
    run(build_dag(outer), Params())
"""


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pipe.py"
    path.write_text(PIPE, encoding="utf-8")
    return path


def test_run(pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "pipe.py"]) == 0
    printed = capsys.readouterr().out
    assert "shown = 'total 8'" in printed
    assert "ValueError: no twos" in printed


def test_it_still_runs_on_the_public_package(pipe: Path) -> None:
    done = subprocess.run([sys.executable, "pipe.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "pipeline_completed"


def test_plan(pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "pipe.py"]) == 0
    assert "6 steps in 3 macro-tasks" in capsys.readouterr().out


def test_the_pipeline_that_includes_the_other_is_taken(pipe: Path) -> None:
    loaded = load("pipe.py")
    assert loaded.contract.name == "outer"
    assert any("includes 'inner'" in note for note in loaded.notes)
    assert load("pipe.py", "inner").contract.name == "inner"
    assert load("pipe.py:inner").contract.name == "inner"


def test_export_and_run_every_macro_task_as_a_worker_does(pipe: Path, tmp_path: Path) -> None:
    assert main(["airflow", "pipe.py", "--out", "dags"]) == 0
    store = HandoffStore(str(tmp_path / "store"))
    exported = Exported(tmp_path / "dags" / "outer")
    refs: dict[str, DatasetRef] = {}
    with exported.pipeline() as found:
        assert found.contract().fingerprint == exported.contract.fingerprint
        for name in ("double", "sums", "shown"):
            spec = exported.macro_task(name)
            done = run_macro_task(
                found,
                spec,
                params={"count": 4},
                inputs={each.dataset: refs[each.dataset] for each in spec.inputs},
                store=store,
                run_key="run",
            )
            refs.update(done.refs)
    assert store.read_value(refs["shown"], str) == "total 8"


def test_a_registry_is_looked_into(pipe: Path) -> None:
    pipe.write_text(
        PIPE + "\ncatalog = PipelineRegistry()\ncatalog.add(outer)\ndel outer, inner\n",
        encoding="utf-8",
    )
    loaded = load("pipe.py")
    assert loaded.contract.name == "outer"
    assert loaded.contract.source is not None
    assert loaded.contract.source.attribute == "catalog"
    assert main(["airflow", "pipe.py", "--out", "dags"]) == 0
    with Exported(Path("dags") / "outer").pipeline() as found:
        assert found.name == "outer"


def test_one_that_is_not_picked_may_be_wrong(pipe: Path) -> None:
    wrong = 'broken = pipeline("broken", Params, [step("shown", shown)])\n'
    pipe.write_text(PIPE + wrong, encoding="utf-8")
    assert load("pipe.py", "outer").contract.name == "outer"
    with pytest.raises(DefinitionError, match="sums"):
        load("pipe.py", "broken")
    with pytest.raises(LoadError, match="there are 3 pipelines: 'inner', 'outer', 'broken'"):
        load("pipe.py")


def test_a_machine_without_the_package_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pipe.py").write_text(PIPE, encoding="utf-8")
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import sys\nsys.modules['synaflow'] = None\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "synaflow_export", "plan", "pipe.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(blocked), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "install 'synaflow'" in done.stderr


def test_nothing_of_the_package_is_imported_for_pipelines_of_ours() -> None:
    code = textwrap.dedent(
        """
        import sys
        from synaflow_export.loading.load import load
        load("examples/quickstart/pipe.py")
        import synaflow_core.compat
        import synaflow_export.runtime.exported
        assert not [name for name in sys.modules if name.partition(".")[0] == "synaflow"]
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

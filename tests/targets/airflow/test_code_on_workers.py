"""The user's code on a worker: loose or installed, alike in name, pickled; and where data goes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from synaflow_export.plan.model import PlanOptions
from tests.targets.airflow.airflows import ROOT, environment
from tests.targets.airflow.running import DagFolder, in_process, on_both
from tests.targets.airflow.test_running import LINEAR

pytestmark = pytest.mark.airflow

PIPE = """
    import helpers
    from synaflow_core import pipeline, step

    LOADED = []

    def words() -> list[str]:
        LOADED.append(1)
        return [helpers.WORD]

    def shout(words: list[str]) -> str:
        import late  # while the step runs

        assert not LOADED, "each task imports the module anew, as a fresh worker does"
        return late.loud(words[0])

    p = pipeline(name="{name}", steps=[step("words", fn=words), step("shout", fn=shout)])
"""


def test_pipelines_with_modules_of_the_same_name_do_not_mix(dags: DagFolder) -> None:
    late = "def loud(word: str) -> str:\n    return word.upper() + {mark!r}\n"
    for name, mark in (("one", "!"), ("two", "?")):
        modules = {"helpers.py": f"WORD = {name!r}\n", "late.py": late.format(mark=mark)}
        dags.export(PIPE.format(name=name), modules=modules)

    before = set(sys.modules)
    path = [entry for entry in sys.path if entry != str(dags.folder)]
    for name, expected in (("one", "ONE!"), ("two", "TWO?"), ("one", "ONE!")):
        outcome = dags.run(name)
        assert outcome.state == "success", outcome.log
        reference = outcome.xcoms["shout", "return_value"]["uri"].removeprefix("file://")
        assert expected in "".join(
            file.read_text() for file in Path(reference).parent.rglob("*") if file.is_file()
        )
    assert not {"pipe", "helpers", "late"} & (set(sys.modules) - before)
    # Airflow itself adds its DAG folder.
    assert [entry for entry in sys.path if entry != str(dags.folder)] == path


def test_the_users_files_travel_and_airflow_does_not_take_them_for_dags(dags: DagFolder) -> None:
    modules = {"helpers.py": "WORD = 'x'\n", "late.py": "def loud(x): return x\n"}
    looks_like_a_dag = PIPE.format(name="one") + "\n    # airflow dag\n"
    exported = dags.export(looks_like_a_dag, modules={**modules, "unused.py": "1 / 0\n"})

    assert {path.name for path in (dags.folder / "one" / "src").iterdir()} == {
        "pipe.py",
        "helpers.py",
        "late.py",
    }
    assert list(dags.parse().dags) == ["one"]
    assert exported.loaded.sources.argument == "pipe.py"


def test_an_installed_module_is_referenced_by_name(
    dags: DagFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "shop_pipelines"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "nightly.py").write_text(textwrap.dedent(LINEAR))
    monkeypatch.syspath_prepend(str(package.parent))

    exported = dags.export_file("shop_pipelines.nightly")
    assert not (dags.folder / "linear" / "src").exists()
    assert "from shop_pipelines.nightly\n" in exported.text

    outcome = dags.run("linear", {"count": 4})
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == in_process(exported, {"count": 4})
    for name in [name for name in sys.modules if name.startswith("shop_pipelines")]:
        monkeypatch.delitem(sys.modules, name)


def test_pickled_classes_of_a_loose_module_are_found_again(dags: DagFolder) -> None:
    source = """
        from synaflow_core import pipeline, step

        class Basket:
            def __init__(self, fruit: list[str]) -> None:
                self.fruit = fruit

        def basket() -> Basket:
            return Basket(["apple", "pear"])

        def count(basket: Basket) -> int:
            assert type(basket) is Basket
            return len(basket.fruit)

        p = pipeline(name="pickled", steps=[step("basket", fn=basket), step("count", fn=count)])
    """
    options = PlanOptions(granularity="step", allow_pickle=True)
    exported = dags.export(source, plan=options)
    assert [dataset.codec for dataset in exported.plan.datasets] == ["pickle", "jsonl"]
    outcome = dags.run("pickled")
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == {"count": 2}


def test_a_pipeline_of_a_registry_is_found(dags: DagFolder) -> None:
    source = """
        from synaflow_core import PipelineRegistry, pipeline, step

        def one() -> int:
            return 1

        def two() -> int:
            return 2

        registry = PipelineRegistry()
        registry.register(pipeline(name="first", steps=[step("one", fn=one)]))
        registry.register(pipeline(name="second", steps=[step("two", fn=two)]))
    """
    exported = dags.export(source, pipeline="second")
    assert "--pipeline second" in exported.text
    outcome = dags.run("second")
    assert outcome.state == "success", outcome.log
    assert dags.outputs(exported, outcome) == {"two": 2}


def test_without_a_store_data_goes_below_airflows_home_with_a_warning(
    dags: DagFolder,
) -> None:
    dags.export(LINEAR, store=None)
    outcome = dags.run("linear", {"count": 3})
    assert outcome.state == "success", outcome.log
    assert outcome.xcoms["squares", "return_value"]["uri"].startswith(
        (dags.airflow.home / "synaflow").as_uri()
    )
    assert "WARNING no store was chosen" in outcome.log
    assert "only this machine can reach" in outcome.log


def test_the_environment_overrides_the_exported_store(
    dags: DagFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("SYNAFLOW_STORE", elsewhere.as_uri())
    dags.export(LINEAR)
    outcome = dags.run("linear", {"count": 3})
    assert outcome.xcoms["squares", "return_value"]["uri"].startswith(elsewhere.as_uri())
    assert not dags.store.exists()


def test_parsing_imports_neither_the_users_code_nor_ours(dags: DagFolder) -> None:
    exported = dags.export(LINEAR)
    program = f"""
        import runpy, sys
        dag = runpy.run_path({str(exported.dag_file)!r})["dag"]
        assert sorted(dag.task_ids) == ["squares", "total"], dag.task_ids
        ours = [name for name in sys.modules if name.startswith(("synaflow", "pipe", "jinja_"))]
        print(ours)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.slow
@on_both
def test_airflows_own_command_runs_it(dags: DagFolder, tmp_path: Path) -> None:
    """As a user would: a process of its own that knows nothing of this one."""
    exported = dags.export(LINEAR, id="by_command")
    settings = {**environment(dags.airflow.home), "PYTHONPATH": str(ROOT)}
    command = ["dags", "test", "by_command", "--conf", '{"count": 6}']
    done = subprocess.run(
        [str(dags.airflow.python), "-m", "airflow", *command],
        capture_output=True,
        text=True,
        env={**os.environ, **settings},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "step 'odds': ok, 3 done, 3 errors" in done.stdout + done.stderr
    manifests = [path.parent.name for path in dags.store.rglob("manifest.json")]
    assert sorted(manifests) == sorted(dataset.name for dataset in exported.plan.datasets)

"""What ``load`` finds, what it leaves behind, and which files travel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.errors import ContractError, DefinitionError
from synaflow_export.loading.load import LoadError, load

ONE = """
    from synaflow_core import pipeline, step

    def answer() -> int:
        return {answer}

    p = pipeline("one", steps=[step("answer", answer)])
"""


def one(answer: object = 42, before: str = "") -> str:
    lines = ONE.replace("{answer}", str(answer)).splitlines()
    return "\n".join([before, *(line[4:] for line in lines)]) + "\n"


def paths(loaded: Any) -> list[str]:
    return [file.path for file in loaded.sources.files]


def test_a_loose_file_is_known_by_its_own_name(project: Any) -> None:
    project.write("pipe.py", one())
    loaded = load("pipe.py")
    assert loaded.contract.name == "one"
    assert loaded.contract.source is not None
    assert (loaded.contract.source.module, loaded.contract.source.attribute) == ("pipe", "p")
    assert loaded.contract.steps["answer"].fn_ref == "pipe:answer"
    assert loaded.sources.argument == "pipe.py"
    assert paths(loaded) == ["pipe.py"]
    assert loaded.sources.files[0].text == (project.folder / "pipe.py").read_text()
    assert not loaded.notes
    assert not loaded.worker_notes


def test_nothing_differs_between_machines(project: Any, tmp_path: Path) -> None:
    project.write("a/pipe.py", one())
    project.write("b/deeper/pipe.py", one())
    first, second = load("a/pipe.py"), load(str(tmp_path / "b/deeper/pipe.py"))
    assert first.contract.to_json() == second.contract.to_json()
    assert first.sources == second.sources


def test_a_file_of_a_package_keeps_its_package(project: Any) -> None:
    project.write("code/shop/__init__.py", "")
    project.write("code/shop/numbers_.py", "N = 4\n")
    project.write("code/shop/pipe.py", one("N", "from .numbers_ import N"))
    loaded = load("code/shop/pipe.py")
    assert loaded.contract.source is not None
    assert loaded.contract.source.module == "shop.pipe"
    assert loaded.sources.argument == "shop/pipe.py"
    assert paths(loaded) == ["shop/__init__.py", "shop/numbers_.py", "shop/pipe.py"]


def test_an_installed_module_is_referenced_by_name(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("site/shop_installed/__init__.py", "")
    project.write("site/shop_installed/pipes.py", one())
    monkeypatch.syspath_prepend(str(project.folder / "site"))
    by_name = load("shop_installed.pipes:p")
    assert by_name.contract.source is not None
    assert by_name.contract.source.module == "shop_installed.pipes"
    assert by_name.sources.files == ()
    assert by_name.sources.argument == "shop_installed.pipes:p"
    by_path = load("site/shop_installed/pipes.py")
    assert by_path.sources.files == ()
    assert "workers need it installed" in by_path.worker_notes[0]
    for name in [name for name in sys.modules if name.startswith("shop_installed")]:
        del sys.modules[name]


def test_a_module_of_the_current_folder_travels(project: Any) -> None:
    project.write("flows/common.py", "N = 2\n")
    project.write("flows/daily.py", one("common.N", "from flows import common"))
    loaded = load("flows.daily")
    assert loaded.contract.source is not None
    assert loaded.contract.source.module == "flows.daily"
    assert paths(loaded) == ["flows/common.py", "flows/daily.py"]


SEVERAL = """
    from synaflow_core import include, pipeline, step

    def a() -> int:
        return 1

    def b() -> int:
        return 2

    first = pipeline("alpha", steps=[step("a", a)])
    second = pipeline("beta", steps=[step("b", b)])
    again = first
"""


@pytest.mark.parametrize(
    ("target", "name", "expected"),
    [
        ("pipe.py", "alpha", "first"),
        ("pipe.py", "second", "second"),
        ("pipe.py:second", None, "second"),
        ("pipe.py:again", None, "again"),
    ],
)
def test_one_of_several_pipelines(
    project: Any, target: str, name: str | None, expected: str
) -> None:
    project.write("pipe.py", SEVERAL)
    source = load(target, name).contract.source
    assert source is not None
    assert source.attribute == expected


def test_the_pipeline_that_includes_the_others_is_meant(project: Any) -> None:
    project.write(
        "pipe.py",
        """
        from typing import NamedTuple
        from synaflow_core import include, pipeline, step

        class P(NamedTuple):
            n: int = 1

        def double(n: int) -> int:
            return 2 * n

        def adapt(n: int) -> P:
            return P(n)

        def show(part: int) -> str:
            return str(part)

        part = pipeline("part", P, [step("double", double)], exports="double")
        whole = pipeline("whole", P, [include("part", adapt, part), step("show", show)])
        """,
    )
    loaded = load("pipe.py")
    assert loaded.contract.name == "whole"
    assert loaded.notes == ("took 'whole', which includes 'part'; --pipeline NAME takes another",)
    assert load("pipe.py", "part").contract.name == "part"


def test_pipelines_of_a_registry(project: Any) -> None:
    project.write(
        "pipe.py",
        """
        from synaflow_core import PipelineRegistry, pipeline, step

        def a() -> int:
            return 1

        everything = PipelineRegistry([pipeline(n, steps=[step("a", a)]) for n in ("x", "y")])
        """,
    )
    loaded = load("pipe.py", "y")
    assert loaded.contract.name == "y"
    assert loaded.contract.source is not None
    assert loaded.contract.source.attribute == "everything"
    assert load("pipe.py:everything", "x").contract.name == "x"


def test_a_contract_needs_no_code(project: Any) -> None:
    project.write("pipe.py", one())
    made = load("pipe.py").contract
    (project.folder / "contract.json").write_bytes(made.to_json())
    (project.folder / "pipe.py").unlink()
    loaded = load("contract.json")
    assert loaded.contract == made
    assert loaded.pipeline is None
    assert loaded.sources.files == ()
    assert "module 'pipe'" in loaded.worker_notes[0]


def test_a_script_sees_its_own_arguments_and_name(project: Any) -> None:
    before = "import sys\nassert sys.argv == ['pipe.py'], sys.argv\nassert __name__ == 'pipe'"
    project.write("pipe.py", one(before=before))
    arguments = list(sys.argv)
    load("pipe.py")
    assert sys.argv == arguments


def test_running_at_import_is_told(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loaded = load("pipe.py")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Consumed: 40" in captured.err
    line = 1 + quickstart.read_text().splitlines().index("run(my_pipeline, MyParams(count=5))")
    (note,) = loaded.notes
    assert note.startswith(f"pipe.py:{line} runs a pipeline whenever it is imported")


@pytest.mark.parametrize(
    "tail",
    [
        "if __name__ == '__main__':\n    run(p)\n",
        "def later():\n    run(p)\n",
    ],
)
def test_running_later_is_not_told(project: Any, tail: str) -> None:
    project.write("pipe.py", one(before="from synaflow_core import run") + tail)
    assert load("pipe.py").notes == ()


def test_printing_at_import_is_told(project: Any, capfd: pytest.CaptureFixture[str]) -> None:
    project.write("pipe.py", one(before="print('hello')"))
    (note,) = load("pipe.py").notes
    assert note.startswith("pipe.py prints when it is imported")
    assert capfd.readouterr() == ("", "hello\n")


@pytest.mark.parametrize(
    ("files", "target", "where", "code"),
    [
        ({}, "pipe.py", "pipe.py", "no-such-file"),
        ({}, "no/folder/pipe.py", "no/folder/pipe.py", "no-such-file"),
        ({"pipe.py/x": ""}, "pipe.py", "pipe.py", "is-a-folder"),
        ({"flows/pipe.py": ""}, "flows", "flows", "is-a-folder"),
        ({"pipe.txt": "p = 1"}, "pipe.txt", "pipe.txt", "unknown-kind"),
        ({"json.py": one()}, "json.py", "json.py", "hides-a-module"),
        ({"airflow.py": one()}, "airflow.py", "airflow.py", "hides-a-module"),
        ({"my.pipe.py": one()}, "my.pipe.py", "my.pipe.py", "not-importable"),
        ({}, "nowhere", "nowhere", "no-such-module"),
        ({}, "json.nowhere", "json.nowhere", "no-such-module"),
        ({"pipe.py": one()}, "pipe.py:1x", "pipe.py", "bad-attribute"),
        ({"pipe.py": one()}, "pipe.py:q", "pipe.py", "no-such-variable"),
        ({"pipe.py": one()}, "pipe.py:answer", "pipe.py", "not-a-pipeline"),
        ({"pipe.py": "x = 1"}, "pipe.py", "pipe.py", "no-pipeline"),
        ({"pipe.py": SEVERAL}, "pipe.py", "pipe.py", "several-pipelines"),
        ({"c.json": "{}"}, "c.json:p", "c.json", "no-attributes"),
        ({"pipe.py": "x = 0\n\n1 / x"}, "pipe.py", "pipe.py:3", "raised-on-import"),
        ({"pipe.py": "x = (1"}, "pipe.py", "pipe.py:1", "raised-on-import"),
        ({"pipe.py": "import nothing_like_it"}, "pipe.py", "pipe.py:1", "raised-on-import"),
        ({"pipe.py": "import sys\nsys.exit(3)"}, "pipe.py", "pipe.py:2", "raised-on-import"),
        (
            {"pipe.py": "import helper", "helper.py": "def f(:"},
            "pipe.py",
            "helper.py:1",
            "raised-on-import",
        ),
        (
            {"pipe.py": "from helper import f\nf()", "helper.py": "def f():\n    raise OSError"},
            "pipe.py",
            "helper.py:2",
            "raised-on-import",
        ),
        (
            {"pipe.py": "class E(Exception):\n    __str__ = None\nraise E"},
            "pipe.py",
            "pipe.py:3",
            "raised-on-import",
        ),
        ({"pipe.py": "import json\njson.loads('{')"}, "pipe.py", "pipe.py:2", "raised-on-import"),
    ],
)
def test_each_mistake_is_one_problem_at_its_place(
    project: Any, files: dict[str, str], target: str, where: str, code: str
) -> None:
    for name, text in files.items():
        project.write(name, text)
    modules, path = set(sys.modules), list(sys.path)
    with pytest.raises(LoadError) as raised:
        load(target)
    (problem,) = raised.value.problems
    assert (problem.where, problem.code) == (where, code)
    assert problem.hint
    assert str(raised.value).startswith(f"cannot load {target.partition(':')[0]}")
    assert sys.path == path
    assert {"pipe", "helper"}.isdisjoint(set(sys.modules) - modules)


@pytest.mark.parametrize(
    ("files", "target", "hint"),
    [
        ({"pipe.py": ""}, "pip.py", "did you mean 'pipe.py'?"),
        ({"flows/daily.py": ""}, "flows/dayly.py", "did you mean 'flows/daily.py'?"),
        ({"daily.py": ""}, "dayly", "did you mean 'daily'?"),
        ({}, "json.decode", "did you mean 'decoder'?"),
        ({"pipe.py": one()}, "pipe.py:zz", "variables that hold a pipeline: p"),
        ({"flows/x.py": ""}, "flows", "name a file: flows/x.py"),
    ],
)
def test_near_names(project: Any, files: dict[str, str], target: str, hint: str) -> None:
    for name, text in files.items():
        project.write(name, text)
    with pytest.raises(LoadError) as raised:
        load(target)
    assert raised.value.problems[0].hint == hint


def test_an_unknown_pipeline_lists_those_there_are(project: Any) -> None:
    project.write("pipe.py", SEVERAL)
    with pytest.raises(LoadError, match=r"there is 'alpha' \(variable first\), 'beta'") as raised:
        load("pipe.py", "alpah")
    assert raised.value.problems[0].hint == "did you mean 'alpha'?"


def test_two_pipelines_of_one_name(project: Any) -> None:
    project.write("pipe.py", SEVERAL.replace('"beta"', '"alpha"'))
    with pytest.raises(LoadError, match="2 pipelines are named 'alpha'"):
        load("pipe.py", "alpha")
    assert load("pipe.py", "second").contract.name == "alpha"


def test_what_does_not_compile_is_told_by_the_compiler(project: Any) -> None:
    project.write("pipe.py", one().replace("def answer()", "def answer(nothing: int)"))
    with pytest.raises(DefinitionError, match=r"pipe\.py:3"):
        load("pipe.py")


@pytest.mark.parametrize(
    ("text", "path"),
    [("{", ""), ("[]", ""), ('{"contract_version": 1}', ""), ("\udcff", "")],
)
def test_an_invalid_contract_names_its_file(project: Any, text: str, path: str) -> None:
    (project.folder / "c.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ContractError, match=r"c\.json is not a valid contract") as raised:
        load("c.json")
    assert all(problem.where == "c.json" for problem in raised.value.problems)


def test_a_contract_of_another_pipeline(project: Any) -> None:
    project.write("pipe.py", one())
    (project.folder / "c.json").write_bytes(load("pipe.py").contract.to_json())
    with pytest.raises(LoadError, match="the contract is of pipeline 'one', not of 'two'"):
        load("c.json", "two")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("steps = StepRegistry()", "my_pipeline = steps.to_pipeline(..., context=...)"),
        ("class Mine(UploadAction[int]): ...", "my_pipeline = Mine.to_pipeline(...)"),
        ("x = 1", "my_pipeline = pipeline(name=..., steps=[...])"),
    ],
)
def test_a_module_of_phases_is_told_how_to_make_a_pipeline(
    project: Any, code: str, told: str
) -> None:
    project.write("pipe.py", f"from synaflow_core.phases import *\n{code}")
    with pytest.raises(LoadError) as raised:
        load("pipe.py")
    assert raised.value.problems[0].hint.endswith(told)

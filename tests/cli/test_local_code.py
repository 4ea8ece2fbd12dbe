"""Loading leaves no trace, and the files that a worker needs are found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from synaflow_core import run
from synaflow_export.loading.load import load

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


def test_two_files_of_one_name_do_not_meet(project: Any) -> None:
    for folder, number in (("a", 1), ("b", 2)):
        project.write(f"{folder}/pipe.py", one("helpers.NUMBER", "import helpers"))
        project.write(f"{folder}/helpers.py", f"NUMBER = {number}\n")
    modules, path = set(sys.modules), list(sys.path)
    first, second = load("a/pipe.py"), load("b/pipe.py")
    assert first.pipeline is not None
    assert second.pipeline is not None
    assert run(first.pipeline).outputs == {"answer": 1}
    assert run(second.pipeline).outputs == {"answer": 2}
    assert {"pipe", "helpers"}.isdisjoint(set(sys.modules) - modules)
    assert sys.path == path
    assert not list(project.folder.rglob("__pycache__"))


def test_a_neighbour_hides_a_module_of_that_name_from_elsewhere(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("elsewhere/helpers.py", "NUMBER = 0\n")
    project.write("here/helpers.py", "NUMBER = 7\n")
    project.write("here/pipe.py", one("helpers.NUMBER", "import helpers"))
    monkeypatch.syspath_prepend(str(project.folder / "elsewhere"))
    import helpers  # type: ignore[import-not-found]

    loaded = load("here/pipe.py")
    assert loaded.pipeline is not None
    assert run(loaded.pipeline).outputs == {"answer": 7}
    assert sys.modules.pop("helpers") is helpers


def test_steps_that_import_while_they_run(project: Any) -> None:
    project.write("late.py", "NUMBER = 5\n")
    project.write("pipe.py", one("__import__('late').NUMBER"))
    loaded = load("pipe.py")
    assert loaded.pipeline is not None
    with loaded.importable():
        assert run(loaded.pipeline).outputs == {"answer": 5}
    assert "late" not in sys.modules
    assert run(loaded.pipeline).outputs == {}  # outside, the import fails and the step with it
    assert paths(loaded) == ["late.py", "pipe.py"]


def test_code_that_goes_to_another_folder_comes_back(project: Any) -> None:
    project.write("sub/data.txt", "8")
    before = "import os\nos.chdir(os.path.dirname(__file__))"
    project.write("sub/pipe.py", one("int(open('data.txt').read())", before))
    loaded = load("sub/pipe.py")
    assert Path.cwd() == project.folder
    assert loaded.pipeline is not None
    with loaded.importable():
        assert run(loaded.pipeline).outputs == {"answer": 8}
    assert Path.cwd() == project.folder


def test_params_with_annotations_that_are_only_text(project: Any) -> None:
    """Such annotations are looked up in the module, which has to be there when a run needs it."""
    project.write(
        "pipe.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from synaflow_core import pipeline, step

        @dataclass
        class Size:
            width: int

        @dataclass
        class Params:
            size: Size

        def area(size: Size) -> int:
            return size.width ** 2

        p = pipeline("p", Params, [step("area", area)])
        """,
    )
    loaded = load("pipe.py")
    assert loaded.pipeline is not None
    with loaded.importable():
        assert run(loaded.pipeline, {"size": {"width": 3}}).outputs == {"area": 9}


def test_a_package_that_imports_its_own_module(project: Any) -> None:
    project.write("shop/__init__.py", "from .pipe import p\n")
    project.write(
        "shop/pipe.py",
        one(
            before="import sys\nshop = sys.modules['shop']\n"
            "assert not hasattr(shop, 'seen')\nshop.seen = True"
        ),
    )
    assert load("shop/pipe.py").contract.name == "one"
    assert paths(load("shop")) == ["shop/__init__.py", "shop/pipe.py"]


def test_local_modules_travel_transitively_and_nothing_else_does(project: Any) -> None:
    project.write(
        "pipe.py",
        one(
            before="import json\nimport rich\nfrom shop.rules import check\n"
            "if False:\n    import lazily\n",
        ),
    )
    project.write("shop/__init__.py", "")
    project.write("shop/rules.py", "from . import money\nfrom .deep.er import x as check\n")
    project.write("shop/money.py", "")
    project.write("shop/deep/__init__.py", "from ..siblings import *\n")
    project.write("shop/deep/er.py", "x = 1\n")
    project.write("shop/siblings.py", "")
    project.write("shop/unused.py", "")
    project.write("lazily.py", "import importlib\nimportlib.import_module('by_text')\n")
    project.write("by_text.py", "")
    project.write("unused.py", "")
    assert paths(load("pipe.py")) == [
        "by_text.py",
        "lazily.py",
        "pipe.py",
        "shop/__init__.py",
        "shop/deep/__init__.py",
        "shop/deep/er.py",
        "shop/money.py",
        "shop/rules.py",
        "shop/siblings.py",
    ]


def test_modules_imported_by_a_computed_name_travel(project: Any) -> None:
    project.write("pipe.py", one(before="import importlib\nimportlib.import_module('ru' + 'les')"))
    project.write("rules.py", "")
    assert paths(load("pipe.py")) == ["pipe.py", "rules.py"]


def test_modules_of_a_folder_that_the_code_adds_travel_in_their_place(project: Any) -> None:
    folder = "os.path.join(os.path.dirname(__file__), 'lib')"
    before = f"import os, sys\nsys.path.append({folder})\nimport extra"
    project.write("pipe.py", one("extra.NUMBER", before))
    project.write("lib/extra.py", "NUMBER = 3\n")
    path = list(sys.path)
    assert paths(load("pipe.py")) == ["lib/extra.py", "pipe.py"]
    assert sys.path == path


def test_a_folder_that_is_named_like_a_library_does_not_travel(project: Any) -> None:
    project.write("pipe.py", one(before="import json, rich"))
    project.write("json/readme.py", "")
    project.write("rich/readme.py", "")
    assert paths(load("pipe.py")) == ["pipe.py"]


def test_an_environment_inside_the_folder_does_not_travel(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("venv/site-packages/bought.py", "NUMBER = 9\n")
    project.write("pipe.py", one("bought.NUMBER", "import bought"))
    monkeypatch.syspath_prepend(str(project.folder / "venv/site-packages"))
    assert paths(load("pipe.py")) == ["pipe.py"]
    sys.modules.pop("bought", None)


def test_line_ends_and_encoding_of_sources(project: Any) -> None:
    text = one(before="# -*- coding: latin-1 -*-\r\nNAME = 'caf\xe9'\r\n")
    (project.folder / "pipe.py").write_bytes(text.encode("latin-1"))
    assert load("pipe.py").sources.files[0].text == text

"""Every message of the compiler, kept as text to be read.

After changing a message on purpose: ``UPDATE_SNAPSHOTS=1 pytest tests/core/test_messages.py``,
then review the diff of ``snapshots/`` like code; see ``tests/reviewed.py``.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import synaflow_core
import tests.core.refusals_of_wiring  # noqa: F401 - registers its refusals
from synaflow_core.errors import DefinitionError
from tests.core.refusals import REFUSALS
from tests.reviewed import assert_reviewed, kept_in

SNAPSHOTS = Path(__file__).parent / "snapshots"


def error_of(name: str) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        REFUSALS[name]()
    return caught.value


@pytest.mark.parametrize("name", list(REFUSALS))
def test_the_message_is_the_one_that_was_reviewed(name: str) -> None:
    assert_reviewed(str(error_of(name)), SNAPSHOTS / f"{name}.txt")


@pytest.mark.parametrize("name", list(REFUSALS))
def test_every_problem_has_a_place_a_code_and_a_next_step(name: str) -> None:
    for problem in error_of(name).problems:
        assert problem.where
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", problem.code)
        assert problem.message
        assert problem.hint
        assert str(Path(__file__).parent) not in str(problem), "a machine's path"


def test_no_snapshot_is_left_over() -> None:
    assert kept_in(SNAPSHOTS) == set(REFUSALS)


def test_every_code_of_the_compiler_is_shown_in_a_snapshot() -> None:
    package = Path(synaflow_core.__file__).parent
    sources = [*package.glob("compiler/*.py"), *package.glob("hints/*.py"), package / "pipeline.py"]
    declared = {code for path in sources for code in codes_in(path)}
    shown = {problem.code for name in REFUSALS for problem in error_of(name).problems}
    assert declared == shown


def codes_in(path: Path) -> set[str]:
    """Codes written as text in calls of Problem and Complaint, or assigned to ``code``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        code: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "Problem" and len(node.args) > 2:
                code = node.args[2]
            elif node.func.id == "Complaint" and node.args:
                code = node.args[0]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            code = node.value
        if isinstance(code, ast.Constant) and isinstance(code.value, str):
            found.add(code.value)
    return found

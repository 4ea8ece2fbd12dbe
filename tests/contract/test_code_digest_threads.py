"""Python may raise SystemError when two threads parse at one moment: then it is tried again."""

from __future__ import annotations

import ast

import pytest

from synaflow_core.contract import code_digest, syntax


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first calls of ast.parse raise, as Python does; how many calls there were."""
    calls = [0]
    parse = ast.parse

    def sometimes(text: str) -> ast.Module:
        calls[0] += 1
        if calls[0] <= 2:
            raise SystemError("AST constructor recursion depth mismatch (before=75, after=69)")
        return parse(text)

    monkeypatch.setattr(syntax.ast, "parse", sometimes)
    return calls


def test_a_digest_is_that_of_the_source_all_the_same(failing: list[int]) -> None:
    def step(row: int) -> int:
        return row + 1

    syntax._files.pop(__file__, None)
    found = code_digest(step)
    assert failing == [3]
    assert code_digest(step) == found
    assert syntax.function_node(step) is not None

"""Names, literals and prose: whatever the text, what is pasted parses, is unique, runs nothing."""

from __future__ import annotations

import ast
import keyword
import sys
from enum import IntEnum, StrEnum

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synaflow_export.text.pyname import (
    BUILTIN_NAMES,
    NameAllocator,
    PyLiteral,
    PyName,
    TaskId,
    comment,
    docstring,
    module_safe,
)

HOSTILE = [
    "",
    " ",
    "_",
    "__",
    "__all__",
    "__debug__",
    "class",
    "None",
    "1_load",
    "a-b",
    "a.b",
    "a\nb",
    "a\r\nimport os",
    "{{ params }}",
    "{% raw %}",
    '"""',
    "'''",
    '"""\nimport os; os._exit(3)\n"""',
    "\\",
    '\\"',
    'ends with "',
    "ends with \\",
    "größe",
    "日本",
    "K",  # KELVIN SIGN: Python reads it as K
    "\u202ertl",
    "\ud800",
    "\x00",
    "# coding: utf-7",
    "x" * 1000,
    "é" * 1000,
    '"' * 7,
    "f{__import__('os')._exit(3)}",
]

fragments = st.sampled_from(
    [
        '"""',
        "'''",
        "\\",
        '"',
        "'",
        "\n",
        "\r",
        "{{",
        "}}",
        "{%",
        "%}",
        "class",
        "__",
        "#",
        "coding:",
    ]
)
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.lists(st.one_of(fragments, st.text(max_size=5)), max_size=12).map("".join),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    texts,
    st.binary(max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(scalars, inner, max_size=4),
        st.frozensets(scalars, max_size=4),
        st.sets(scalars, max_size=4),
    ),
    max_leaves=12,
)


def evaluate(source: str) -> object:
    """Evaluate an expression that may use nothing but the two constructors a literal needs."""
    return eval(source, {"__builtins__": {}, "float": float, "set": set, "frozenset": frozenset})


@given(texts)
@settings(deadline=None)
def test_any_text_gives_a_legal_identifier(text: str) -> None:
    name = PyName.of(text)
    assert name.isidentifier()
    assert name.isascii()
    assert not keyword.iskeyword(name)
    assert not name.startswith("__")
    assert len(name) <= 80
    assert PyName.of(name) == name
    tree = ast.parse(f"def {name}(): pass")
    assert isinstance(tree.body[0], ast.FunctionDef)
    assert tree.body[0].name == name


@given(texts)
@settings(deadline=None)
def test_any_text_gives_a_legal_task_id(text: str) -> None:
    name = TaskId.of(text)
    assert 0 < len(name) <= 120
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert TaskId.of(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("load", "load"),
        ("sub__load", "sub__load"),
        ("_private", "_private"),
        ("class", "class_"),
        ("1_load", "_1_load"),
        ("load raw data", "load_raw_data"),
        ("größe", "gro_e"),
        ("café", "cafe"),
        ("__init__", "init__"),
    ],
)
def test_names_stay_readable(text: str, name: str) -> None:
    assert PyName.of(text) == name


def test_a_text_of_which_nothing_is_left_is_told_apart_by_digest() -> None:
    assert PyName.of("日本") != PyName.of("中国")
    assert PyName.of("日本").startswith("item_")
    assert PyName.of("日本", "step").startswith("step_")


def test_the_constructor_refuses_raw_text() -> None:
    with pytest.raises(ValueError, match="not a legal PyName"):
        PyName("class")
    with pytest.raises(ValueError, match="not a legal TaskId"):
        TaskId("a.b")


@given(st.lists(texts, max_size=30))
@settings(max_examples=60, deadline=None)
def test_an_allocator_keeps_texts_apart(names: list[str]) -> None:
    given_names = NameAllocator(PyName, reserved={"DAG", *BUILTIN_NAMES}).allocate_all(names)
    assert set(given_names) == set(names)
    assert len(set(given_names.values())) == len(given_names)
    assert not set(given_names.values()) & {"DAG", *BUILTIN_NAMES}
    again = NameAllocator(PyName, reserved={"DAG", *BUILTIN_NAMES}).allocate_all(names)
    assert again == given_names


@given(st.lists(texts, max_size=12), st.sampled_from(["load", "zz", "a b", "list"]))
@settings(max_examples=60, deadline=None)
def test_a_legal_name_keeps_its_spelling_whoever_else_wants_it(names: list[str], more: str) -> None:
    legal = [n for n in names if PyName.is_legal(n)]
    allocated = NameAllocator(PyName).allocate_all([*names, more])
    assert {n: allocated[n] for n in legal} == {n: n for n in legal}


def test_a_clash_is_settled_without_renaming_when_something_is_added() -> None:
    few = NameAllocator(PyName).allocate_all(["a-b", "a.b"])
    more = NameAllocator(PyName).allocate_all(["a-b", "x", "a.b", "y"])
    assert few == {n: more[n] for n in few}
    assert few["a-b"] == "a_b"
    assert few["a.b"].startswith("a_b_")


def test_an_allocator_knows_owners_and_reserved_names() -> None:
    names = NameAllocator(PyName, reserved={"task", "list"})
    assert names.allocate("task") == "task_"
    assert names.allocate("count") == "count"
    assert names.allocate("count", owner="param") != "count"
    assert names.allocate("count") == "count"
    assert NameAllocator(TaskId).allocate("class") == "class"


@pytest.mark.parametrize(
    ("text", "suffix", "name"),
    [
        ("orders", "_dag", "orders_dag"),
        ("json", "", "json_"),
        ("json", "_dag", "json_dag"),
        ("airflow", "", "airflow_"),
        ("imp", "", "imp_"),  # left the standard library in 3.12: the same answer everywhere
        ("_json", "", "pipeline_json"),
    ],
)
def test_a_module_shadows_nothing(text: str, suffix: str, name: str) -> None:
    assert module_safe(text, suffix) == name


@given(texts, st.sampled_from(["", "_dag"]))
@settings(deadline=None)
def test_a_module_name_is_legal_and_free(text: str, suffix: str) -> None:
    name = module_safe(text, suffix, taken={"orders", "x_dag"})
    assert PyName.is_legal(name)
    assert name not in sys.stdlib_module_names
    assert name not in {"orders", "x_dag"}
    assert name.rstrip("_").endswith(suffix)


@given(values)
@example("{{ 7 * 7 }}")
@example(float("inf"))
@example(10**6000)
@example([(), (1,), set(), frozenset()])
@settings(deadline=None)
def test_a_literal_evaluates_to_its_value(value: object) -> None:
    source = PyLiteral.of(value)
    assert "\n" not in source
    result = evaluate(source)
    assert result == value
    assert type(result) is type(value)
    assert PyLiteral.of(value) == source


def test_a_literal_of_a_set_does_not_depend_on_hashing() -> None:
    assert PyLiteral.of({"b", "a", "c"}) == '{"a", "b", "c"}'


def test_a_literal_never_calls_the_repr_of_a_subclass() -> None:
    class Text(str):
        def __repr__(self) -> str:
            return "__import__('os')._exit(3)"

        __str__ = __repr__

    class Number(int):
        __repr__ = Text.__repr__

        def __index__(self) -> int:
            raise AssertionError("called")

    class Color(StrEnum):
        RED = "red"

    class Level(IntEnum):
        LOW = 1

    assert PyLiteral.of([Text("a"), Number(3), Color.RED, Level.LOW]) == '["a", 3, "red", 1]'


def test_what_is_no_literal_is_refused() -> None:
    with pytest.raises(TypeError, match="a object cannot be written"):
        PyLiteral.of([object()])
    nested: list[object] = []
    nested.append(nested)
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        PyLiteral.of(nested)


@given(texts)
@example('say "hi"')
@example('"""')
@settings(deadline=None)
def test_prose_stays_within_its_docstring(text: str) -> None:
    source = f"def f():\n    {docstring(text)}\n    return 1\n"
    tree = ast.parse(source)
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) == 2
    assert isinstance(ast.get_docstring(function, clean=False), str)


def test_a_docstring_keeps_lines_and_characters() -> None:
    source = docstring('One "quoted" line\nback\\slash\ttab\r\n"""end"')
    assert evaluate(source) == 'One "quoted" line\nback\\slash\ttab\n"""end"'


@given(texts)
@example("-*- coding: utf-7 -*-")
@example("vim: set fileencoding=utf-7")
@settings(deadline=None)
def test_prose_stays_within_its_comment(text: str) -> None:
    source = f"# {comment(text)}\nx = 1\n".encode()
    tree = ast.parse(source)
    assert len(tree.body) == 1
    assert source.decode().count("\n") == 2

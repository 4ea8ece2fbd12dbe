"""What changes the digest of a function, and what does not."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synaflow_core.contract import code_digest
from synaflow_core.contract.code_digest import plain_function

BASE = "def f(rows, limit=3):\n    for row in rows:\n        yield row[:limit] + 'x'\n"
numbers = itertools.count()


def written(folder: Path, source: str, name: str = "f") -> Callable[..., Any]:
    """The function that a source file of this content defines."""
    file = folder / f"source_{next(numbers)}.py"
    file.write_text(source, encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": file.stem, "__file__": str(file)}
    exec(compile(source, str(file), "exec"), namespace)
    return namespace[name]  # type: ignore[no-any-return]


def executed(source: str) -> Callable[..., Any]:
    """The same without a file: what is left is the compiled code."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "<string>", "exec"), namespace)
    return namespace["f"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "source",
    [
        "\n\n# a comment\nother = 1\n" + BASE,
        BASE.replace("    for", "    # why\n\n    for"),
        BASE.replace("'x'", '"x"'),
        BASE.replace("'x'", "'' 'x'"),
        BASE.replace("(rows, limit=3)", "(\n    rows,\n    limit = 3,\n)"),
        BASE.replace("row[:limit] + 'x'", "(row[:limit]) + ('x')"),
        BASE.replace(":\n    for", ":\n    '''What it does.'''\n    for"),
        BASE.replace("    ", "\t"),
    ],
)
def test_formatting_comments_and_docstrings_do_not_count(tmp_path: Path, source: str) -> None:
    assert code_digest(written(tmp_path, source)) == code_digest(written(tmp_path, BASE))


@pytest.mark.parametrize(
    "source",
    [
        BASE.replace("'x'", "'y'"),
        BASE.replace("'x'", "b'x'"),
        BASE.replace("limit=3", "limit=4"),
        BASE.replace("limit=3", "limit=3.0"),
        BASE.replace("limit=3", "limit=True"),
        BASE.replace(" + ", " % "),
        BASE.replace("yield", "yield from"),
        BASE.replace("for row in rows", "async for row in rows").replace("def", "async def"),
        BASE.replace("rows, limit=3", "rows, *, limit=3"),
        BASE.replace("rows", "lines"),
        "import functools\n@functools.cache\n" + BASE,
        BASE.replace("yield row", "if not row:\n            continue\n        yield row"),
    ],
)
def test_what_the_function_does_counts(tmp_path: Path, source: str) -> None:
    assert code_digest(written(tmp_path, source)) != code_digest(written(tmp_path, BASE))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("f = lambda x: x + 1", "f = lambda x: x + 2"),
        ("f, g = lambda x: x + 1, lambda x: x + 2", "g, f = lambda x: x + 1, lambda x: x + 2"),
        ("def f(x):\n return f'{x}a'", "def f(x):\n return f'{x!r}a'"),
        ("def f(x):\n return f'{x}a'", "def f(x):\n return f'{x:3}a'"),
        ("def f(x):\n return ')'", "def f(x):\n return '('"),
        ("def f(x):\n match x:\n  case None: pass", "def f(x):\n match x:\n  case True: pass"),
        ("def f(x):\n return {**x, 'a': 1}", "def f(x):\n return {'a': 1, **x}"),
        ("def f(x):\n return -0.0", "def f(x):\n return 0.0"),
    ],
)  # fmt: skip
def test_pairs_that_differ(tmp_path: Path, left: str, right: str) -> None:
    assert code_digest(written(tmp_path, left)) != code_digest(written(tmp_path, right))


def test_a_lambda_is_found_among_others_on_its_line(tmp_path: Path) -> None:
    alone = written(tmp_path, "f = lambda x: x + 2")
    among = written(tmp_path, "g, f = lambda x: x + 1, (lambda x:   x + 2)  # the second")

    assert code_digest(among) == code_digest(alone)


def test_a_file_that_changed_and_was_loaded_again_counts_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "pipe.py"
    digests = []
    for content in ("def f(x):\n    return x + 1\n", "def f(x):\n    return x + 12\n"):
        file.write_text(content, encoding="utf-8")
        namespace: dict[str, Any] = {}
        exec(compile(content, str(file), "exec"), namespace)
        digests.append(code_digest(namespace["f"]))

    assert digests[0] != digests[1]


def test_code_without_a_file_still_has_a_digest_of_what_it_does() -> None:
    commented = BASE.replace("    for", "    # why\n    for")

    assert code_digest(executed(BASE)) == code_digest(executed(commented))
    for change in (("'x'", "'y'"), (" + ", " - "), ("limit=3", "bound=3"), ("yield", "return")):
        assert code_digest(executed(BASE)) != code_digest(executed(BASE.replace(*change)))


def test_a_long_expression(tmp_path: Path) -> None:
    long = "def f(x):\n    return " + " + ".join(["x"] * 900) + "\n"

    assert code_digest(written(tmp_path, long)) == code_digest(written(tmp_path, long + "\n# !"))
    assert code_digest(written(tmp_path, long)) != code_digest(written(tmp_path, long[:-5] + "\n"))


class Adder:
    def __call__(self, row: int) -> int:
        return row + 1


class Static:
    @staticmethod
    def method(row: int) -> int:
        return row

    @classmethod
    def made(cls, row: int) -> int:
        return row


class Loop:
    def __init__(self) -> None:
        self.__wrapped__ = self

    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    "fn",
    [
        len, print, "".join, int, Adder(), Adder, Static.method, Static.made, Static().made,
        functools.partial(Static.method, 1), functools.partial(functools.partial(len)),
        functools.lru_cache(Static.method), functools.partial(max, key=len), Loop(), dict.get,
    ],
)  # fmt: skip
def test_any_callable_has_a_digest_that_stays(fn: Callable[..., Any]) -> None:
    assert code_digest(fn) == code_digest(fn)
    assert len(code_digest(fn)) == len("sha256:") + 64
    assert callable(plain_function(fn))


def test_arguments_of_a_partial_count() -> None:
    def fetch(url: str, retries: int) -> None: ...

    digests = {
        code_digest(functools.partial(fetch, retries=3)),
        code_digest(functools.partial(fetch, retries=5)),
        code_digest(functools.partial(fetch, "a")),
        code_digest(fetch),
    }
    assert len(digests) == 4


def test_a_wrapped_function_is_what_it_wraps(tmp_path: Path) -> None:
    wrapped = written(tmp_path, "import functools\n@functools.lru_cache\ndef f(x):\n    return x\n")
    other = written(tmp_path, "import functools\n@functools.lru_cache\ndef f(x):\n    return -x\n")

    assert plain_function(wrapped).__name__ == "f"
    assert code_digest(wrapped) != code_digest(other)

"""Expressions laid out without a formatter are laid out as the formatter would."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from synaflow_export.text.pylayout import LINE_LENGTH, Prose, call, lay_out, value
from synaflow_export.text.pyname import PyLiteral

RULES = ["--isolated", "--preview", "--select", "AIR,E,F,I,B,UP", "--target-version", "py311"]


def ruff(*arguments: str, source: str) -> str:
    """Output of ruff for a source; empty when it has nothing to say."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--quiet", "-"],
        input=source,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=tempfile.gettempdir(),  # in the project of an owner, not in ours
    )
    return done.stdout + done.stderr


def complaints(source: str, ignore: str = "") -> str:
    """What ruff's formatter and linter have to say about a source."""
    ignored = ["--ignore", ignore] if ignore else []
    return ruff("format", "--isolated", "--diff", source=source) + ruff(
        "check", *RULES, *ignored, source=source
    )


# Characters whose width all Unicode tables agree on: no emoji sequences, no unassigned ones.
texts = st.text(
    st.one_of(
        st.characters(codec="ascii"),
        st.sampled_from("äößéñ漢字かな한국어Ωж\u00a0\u200b\u202e\t\n'\"\\{}%`|"),
    ),
    max_size=120,
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
data = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(data, min_size=1, max_size=12))
@example([["x" * 76], ["x" * 77], {"k": "x" * 200}, {"k" * 90: ["a", "b" * 80]}, [[[]], {}]])
@example(["x" * size for size in range(72, 90)])
@example(["'", '"', "'\"", '"\'"', "'\"'", "\\'", "\\\"'", [-1, 1e16, 1e-7, -0.0]])
def test_any_value_is_laid_out_as_the_formatter_would(values: list[Any]) -> None:
    lines = [lay_out(f"value_{i} = ", value(item)) for i, item in enumerate(values)]
    source = "\n".join(lines) + "\n"

    found: dict[str, Any] = {}
    exec(source, found)
    assert [found[f"value_{i}"] for i in range(len(values))] == values
    assert complaints(source) == ""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
@example([("word " * 40, "a" * 300), ("  two  spaces  " * 20, "")])
def test_prose_is_broken_between_words_and_nothing_is_lost(given_texts: Any) -> None:
    source = ""
    for prose, other in given_texts:
        expression = call("dict", [], {"text": Prose(prose), "other": value(other)})
        source += lay_out("item = ", expression) + "\nitems.append(item)\n"

    found: dict[str, Any] = {"items": []}
    exec(source, found)
    assert [(item["text"], item["other"]) for item in found["items"]] == given_texts
    assert complaints("items = []\n" + source) == ""


def test_what_fits_stays_on_one_line_and_what_does_not_is_opened() -> None:
    short = call("Param", [value(5)], {"type": value("integer")})
    assert lay_out("x = ", short) == 'x = Param(5, type="integer")'
    long = call("Param", [value("x" * 70)], {"type": value("string")})
    assert lay_out('"k": ', long, ",", depth=1) == (
        f'    "k": Param(\n        "{"x" * 70}",\n        type="string",\n    ),'
    )


def test_a_line_that_cannot_be_broken_is_marked_for_the_linter() -> None:
    laid_out = lay_out("x = ", value("y" * LINE_LENGTH))
    assert laid_out.endswith('"  # noqa: E501')
    assert isinstance(laid_out, PyLiteral)

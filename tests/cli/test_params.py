"""``--param`` and ``--params-file``: texts become what the params class wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synaflow_core.errors import ParamsError
from synaflow_export.cli.params import read_params

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
ANY: dict[str, Any] = {}
OPTIONAL = {"anyOf": [{"type": "null"}, INTEGER]}
OPTIONAL_TEXT = {"anyOf": [STRING, {"type": "null"}]}
ENUM = {"enum": ["eu", "us"]}
NUMBERS_OR_AUTO = {"anyOf": [{"enum": ["auto"]}, {"type": ["integer", "null"]}]}


def schema(field: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"x": field},
        "required": ["x"],
        "$defs": {"Colour": {"enum": ["red", "5"]}, "Point": {"type": "object"}},
    }


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (INTEGER, "5", 5),
        (INTEGER, "-5", -5),
        (INTEGER, "five", "five"),  # the validation says what is wrong with it
        (INTEGER, "1.5", 1.5),
        (INTEGER, "true", True),
        ({"type": "number"}, "5", 5),
        ({"type": "number"}, "1e3", 1000.0),
        (STRING, "5", "5"),
        (STRING, "true", "true"),
        (STRING, "", ""),
        (STRING, "a=b", "a=b"),
        (STRING, '"quoted"', '"quoted"'),
        (STRING, "[1]", "[1]"),
        ({"type": "string", "format": "date"}, "2024-01-01", "2024-01-01"),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "False", False),
        ({"type": "boolean"}, "yes", "yes"),
        ({"type": "array", "items": STRING}, '["a"]', ["a"]),
        ({"type": "array", "items": STRING}, "a", "a"),
        ({"$ref": "#/$defs/Point"}, '{"y": 1}', {"y": 1}),
        ({"$ref": "#/$defs/Colour"}, "5", "5"),
        (OPTIONAL, "null", None),
        (OPTIONAL, "7", 7),
        (OPTIONAL_TEXT, "null", None),
        (OPTIONAL_TEXT, "7", "7"),
        (ENUM, "eu", "eu"),
        ({"enum": [1, 2]}, "2", 2),
        ({"const": "only"}, "only", "only"),
        (NUMBERS_OR_AUTO, "auto", "auto"),
        (NUMBERS_OR_AUTO, "3", 3),
        (ANY, "5", 5),
        (ANY, "text", "text"),
    ],
)
def test_a_text_becomes_what_the_field_wants(
    field: dict[str, Any], text: str, value: object
) -> None:
    found = read_params(schema(field), [f"x={text}"])
    assert found == {"x": value}
    assert type(found["x"]) is type(value)


def test_single_values_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "params.json"
    file.write_text('{"x": 1, "y": 2}')
    fields = {"properties": {"x": INTEGER, "y": INTEGER}}
    assert read_params(fields, ["y=3"], file) == {"x": 1, "y": 3}


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "params.json"
    file.write_text('{"conut": 1}')
    fields = {"properties": {"count": INTEGER}}
    with pytest.raises(ParamsError) as raised:
        read_params(fields, ["count", "cuont=1", "count=1", "count=2", "=3"], file)
    assert [(p.where, p.code, p.hint) for p in raised.value.problems] == [
        ("--param =3", "unknown-param", "the params are: count"),
        ("--param count", "no-value", "write --param count=VALUE"),
        ("--param count=2", "given-twice", "drop one of the two"),
        ("--param cuont=1", "unknown-param", "did you mean 'count'?"),
        (str(file), "unknown-param", "did you mean 'count'?"),
    ]


def test_a_pipeline_without_params_takes_none() -> None:
    with pytest.raises(ParamsError, match="this pipeline takes no params"):
        read_params({"type": "object", "properties": {}, "required": []}, ["x=1"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "no-params-file"),
        (b"{", "no-json"),
        (b"\xff\xfe", "no-json"),
        (b"[1]", "no-object"),
        (b"null", "no-object"),
    ],
)
def test_a_file_that_holds_no_object(tmp_path: Path, content: bytes | None, code: str) -> None:
    file = tmp_path / "params.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ParamsError) as raised:
        read_params({"properties": {}}, [], file)
    (problem,) = raised.value.problems
    assert (problem.where, problem.code) == (str(file), code)


@pytest.mark.parametrize("command", ["run", "rehearse", "verify"])
def test_a_mistake_inside_a_field_is_told_before_anything_runs(
    cli: Any, project: Any, command: str
) -> None:
    project.write(
        "pipe.py",
        """
        from __future__ import annotations

        from dataclasses import dataclass

        from synaflow_core import pipeline, step


        @dataclass(frozen=True)
        class Filter:
            suffix: str = ""


        @dataclass(frozen=True)
        class Params:
            filter: Filter = Filter()


        def suffix(filter: Filter) -> str:
            raise AssertionError("it has run")


        p = pipeline("p", Params, [step("suffix", suffix)])
        """,
    )
    done = cli(command, "pipe.py", "--param", 'filter={"sufix": ".txt"}')
    assert (done.code, done.out) == (2, "")
    assert "'filter.sufix': there is no such field in Filter" in done.err

"""Names that mean something else to Python, to templates or to an orchestrator."""

from dataclasses import dataclass

from synaflow_core import pipeline, step


@dataclass(frozen=True)
class Params:
    dag: int = 1
    context: str = '{{ ds }} {% raw %} """ \\N{DASH} \n \' # noqa'


def task(dag: int) -> list[int]:
    """Close the docstring: \"\"\" and go on with {{ braces }} and {% tags %}."""
    return [dag, 2]


def print(task: list[int], context: str) -> str:
    return f"{sum(task)} {context}"


def self(print: str) -> int:
    return len(print)


def größe(self: int) -> int:  # noqa: PLC2401
    return self + 1


p = pipeline(
    'a "quoted" {{ name }} / with \u00fcml\u00e4uts',
    Params,
    [
        step("task", task, macro_task="import"),
        step("print", print, macro_task="{{ x }}"),
        step("self", self),
        step("größe", größe),
    ],
    description="It's {{ not }} a template: {% endraw %}",
)

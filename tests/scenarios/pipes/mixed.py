"""A lazy consumer and eager ones of one stream: each branch has the container that it asks for."""

from collections.abc import Iterator

from synaflow_core import pipeline, step


def letters() -> Iterator[str]:
    yield from "abcab"


def spelled(letters: Iterator[str]) -> str:
    return "".join(letters)


def listed(letters: list[str]) -> list[str]:
    return letters


def distinct(letters: set[str]) -> set[str]:
    return letters


def fixed(letters: tuple[str, ...]) -> tuple[str, ...]:
    return letters


p = pipeline(
    "mixed",
    None,
    [
        step("letters", letters),
        step("spelled", spelled),
        step("listed", listed),
        step("distinct", distinct),
        step("fixed", fixed),
    ],
)

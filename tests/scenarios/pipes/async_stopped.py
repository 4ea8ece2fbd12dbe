"""A coroutine fails under STOP."""

from synaflow_core import OnError, pipeline, step


async def words() -> list[str]:
    return ["1", "x"]


async def number(word: str) -> int:
    return int(word)


async def total(number: list[int]) -> int:
    return sum(number)


p = pipeline(
    "async_stopped",
    None,
    [
        step("words", words),
        step("number", number, on_error=OnError.STOP),
        step("total", total),
    ],
)

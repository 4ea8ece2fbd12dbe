"""Small pipelines, each written once for both packages.

``build(api, log)`` declares one with the functions of ``api`` (the public ``synaflow`` or
``synaflow_core``) and returns it with its params; steps write what they see into ``log``. No
``from __future__ import annotations``: the public package evaluates annotations of local functions
in their module only.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Log = list[Any]
Build = Callable[[Any, Log], tuple[Any, Any]]


@dataclass(frozen=True)
class Scenario:
    """A pipeline that both packages run alike.

    Attributes:
        ordered: One thread or task is at work at a time there, so the order of calls is compared.
    """

    name: str
    build: Build
    ordered: bool = False
    is_async: bool = False


SCENARIOS: list[Scenario] = []


def scenario(*, ordered: bool = False, is_async: bool = False) -> Callable[[Build], Build]:
    def register(build: Build) -> Build:
        SCENARIOS.append(Scenario(build.__name__, build, ordered, is_async))
        return build

    return register


class Count(NamedTuple):
    count: int = 4


class Rows(NamedTuple):
    rows: list[int]


class Texts(NamedTuple):
    texts: list[str]


@dataclass
class Settings:
    factor: int
    rows: list[int] = field(default_factory=lambda: [1, 2, 3])


def counting(log: Log) -> Callable[..., Any]:
    def numbers(count: int) -> Generator[int, None, None]:
        for n in range(count):
            log.append(f"made {n}")
            yield n

    return numbers


def reading(log: Log, name: str) -> Callable[..., Any]:
    def reader(numbers: Iterator[int]) -> int:
        total = 0
        for n in numbers:
            log.append(f"{name} {n}")
            total += n
        return total

    return reader


def listing(log: Log) -> Callable[..., Any]:
    def whole(numbers: list[int]) -> int:
        log.append(f"whole {numbers}")
        return sum(numbers)

    return whole


def halving(log: Log) -> Callable[..., Any]:
    def half(row: int) -> int:
        log.append(f"half {row}")
        if row % 2:
            raise ValueError(f"{row} is odd")
        return row // 2

    return half


def total_of(log: Log) -> Callable[..., Any]:
    def total(halves: list[int]) -> int:
        log.append(f"total {halves}")
        return sum(halves)

    return total


# -- streams ------------------------------------------------------------------------------------


@scenario(ordered=True)
def linear(api, log):
    def doubled(numbers: Iterator[int]) -> Generator[int, None, None]:
        for n in numbers:
            log.append(f"double {n}")
            yield 2 * n

    def total(doubled: Iterator[int]) -> int:
        found = 0
        for n in doubled:
            log.append(f"add {n}")
            found += n
        return found

    steps = [("numbers", counting(log)), ("doubled", doubled), ("total", total)]
    return api.pipeline("linear", Count, [api.step(n, fn) for n, fn in steps]), Count()


@scenario(ordered=True)
def empty_stream(api, log):
    steps = [api.step("numbers", counting(log)), api.step("reader", reading(log, "r"))]
    return api.pipeline("empty", Count, steps), Count(0)


@scenario(ordered=True)
def each_over_params(api, log):
    def squared(row: int) -> int:
        log.append(f"square {row}")
        return row * row

    def total(squared: Iterator[int]) -> int:
        found = 0
        for n in squared:
            log.append(f"add {n}")
            found += n
        return found

    steps = [api.step("squared", squared), api.step("total", total)]
    return api.pipeline("each", Rows, steps), Rows([3, 1, 2])


@scenario(ordered=True)
def each_chain_after_a_generator(api, log):
    def doubled(number: int) -> int:
        log.append(f"double {number}")
        return 2 * number

    def text(doubled: int) -> str:
        log.append(f"text {doubled}")
        return str(doubled)

    def joined(texts: Iterator[str]) -> str:
        return ",".join(texts)

    steps = [
        api.step("numbers", counting(log)),
        api.step("doubled", doubled),
        api.step("text", text),
        api.step("joined", joined),
    ]
    return api.pipeline("chain", Count, steps), Count()


@scenario(ordered=True)
def each_sink(api, log):
    def stored(row: int) -> None:
        log.append(f"store {row}")

    return api.pipeline("sink", Rows, [api.step("stored", stored)]), Rows([1, 2])


@scenario()
def fan_out(api, log):
    steps = [
        api.step("numbers", counting(log)),
        api.step("first", reading(log, "f")),
        api.step("second", reading(log, "s")),
    ]
    return api.pipeline("fan", Count, steps), Count()


@scenario()
def fan_out_to_each_and_reader(api, log):
    def stored(number: int) -> None:
        log.append(f"store {number}")

    steps = [
        api.step("numbers", counting(log)),
        api.step("stored", stored),
        api.step("reader", reading(log, "r")),
    ]
    return api.pipeline("fan2", Count, steps), Count()


@scenario()
def mixed_lazy_and_list(api, log):
    steps = [
        api.step("numbers", counting(log)),
        api.step("reader", reading(log, "r")),
        api.step("whole", listing(log)),
    ]
    return api.pipeline("mixed", Count, steps), Count()


@scenario(ordered=True)
def list_consumer(api, log):
    steps = [api.step("numbers", counting(log)), api.step("whole", listing(log))]
    return api.pipeline("eager", Count, steps), Count()


@scenario(ordered=True)
def set_tuple_and_dict_consumers(api, log):
    def pairs(rows: list[int]) -> Generator[tuple[int, str], None, None]:
        for row in rows:
            yield row, str(row)

    def looked_up(pairs: dict[int, str]) -> str:
        log.append(pairs)
        return pairs[2]

    def letters(looked_up: str) -> Generator[str, None, None]:
        yield from f"{looked_up}ab"

    def distinct(letters: set[str]) -> int:
        log.append(sorted(letters))
        return len(letters)

    steps = [pairs, looked_up, letters, distinct]
    return api.pipeline("kinds", Rows, [api.step(fn.__name__, fn) for fn in steps]), Rows([1, 2])


@scenario(ordered=True)
def value_list_to_iterator_and_each(api, log):
    def words(count: int) -> list[str]:
        return [f"w{n}" for n in range(count)]

    def shout(word: str) -> str:
        log.append(word)
        return word.upper()

    def joined(shouts: list[str]) -> str:
        return "-".join(shouts)

    steps = [api.step("words", words), api.step("shout", shout), api.step("joined", joined)]
    return api.pipeline("values", Count, steps), Count(3)


@scenario()
def diamond_without_drops(api, log):
    def left(number: int) -> int:
        return number + 1

    def right(number: int) -> int:
        return number * 10

    def joined(left: int, right: int) -> str:
        log.append(f"{left}/{right}")
        return f"{left}/{right}"

    def all_of(joined: list[str]) -> str:
        return " ".join(joined)

    steps = [
        api.step("numbers", counting(log)),
        api.step("left", left),
        api.step("right", right),
        api.step("joined", joined),
        api.step("all_of", all_of),
    ]
    return api.pipeline("diamond", Count, steps), Count(5)


@scenario(ordered=True)
def zip_of_unequal_streams(api, log):
    def shorts(count: int) -> Generator[int, None, None]:
        yield from range(count)

    def longs(count: int) -> Generator[int, None, None]:
        yield from range(count + 2)

    def paired(short: int, long: int) -> str:
        log.append(f"{short} {long}")
        return f"{short} {long}"

    def all_of(paired: list[str]) -> str:
        return ",".join(paired)

    steps = [shorts, longs, paired, all_of]
    return api.pipeline("zip", Count, [api.step(fn.__name__, fn) for fn in steps]), Count(2)


@scenario(ordered=True)
def constants_beside_items(api, log):
    def scaled(row: int, factor: int) -> int:
        log.append(f"{row}*{factor}")
        return row * factor

    def total(scaled: list[int], factor: int) -> int:
        return sum(scaled) + factor

    steps = [api.step("scaled", scaled), api.step("total", total)]
    return api.pipeline("constants", Settings, steps), Settings(factor=3)


@scenario()
def scalar_steps_join(api, log):
    def low(rows: list[int]) -> int:
        return min(rows)

    def high(rows: list[int]) -> int:
        return max(rows)

    def span(low: int, high: int) -> int:
        log.append((low, high))
        return high - low

    steps = [low, high, span]
    return api.pipeline("values", Rows, [api.step(f.__name__, f) for f in steps]), Rows([4, 9])


@scenario(ordered=True)
def unannotated_functions(api, log):
    def loaded(rows) -> int:
        log.append(rows)
        return len(rows)

    def shown(loaded):
        return f"{loaded} rows"

    steps = [api.step("loaded", loaded), api.step("shown", shown)]
    return api.pipeline("bare", Rows, steps), Rows([7])


# -- binding ------------------------------------------------------------------------------------


@scenario(ordered=True)
def smart_binding(api, log):
    def fetched_user(text: str) -> str:
        return text.title()

    def greeting(fetched_users: str) -> str:
        log.append(fetched_users)
        return f"hi {fetched_users}"

    def page(greeting_list: list[str]) -> str:
        return "; ".join(greeting_list)

    steps = [fetched_user, greeting, page]
    p = api.pipeline("names", Texts, [api.step(fn.__name__, fn) for fn in steps])
    return p, Texts(["ann", "bob"])


@scenario(ordered=True)
def irregular_plurals(api, log):
    def people(count: int) -> Generator[str, None, None]:
        for n in range(count):
            yield f"p{n}"

    def statuses(person: str) -> str:
        log.append(person)
        return f"{person} ok"

    def report(status_list: list[str]) -> str:
        return ", ".join(status_list)

    steps = [people, statuses, report]
    return api.pipeline("plurals", Count, [api.step(fn.__name__, fn) for fn in steps]), Count(2)


# -- includes -----------------------------------------------------------------------------------


class Sub(NamedTuple):
    words: list[str]
    mark: str = "!"


def shouting(api, log, name="shouting"):
    def trimmed(words: list[str]) -> list[str]:
        return [word.strip() for word in words]

    def shout(trimmed: str, mark: str) -> str:
        log.append(f"shout {trimmed}")
        return trimmed.upper() + mark

    def line(shout: list[str]) -> str:
        return " ".join(shout)

    steps = [trimmed, shout, line]
    return api.pipeline(name, Sub, [api.step(fn.__name__, fn) for fn in steps], exports="line")


def words_of(texts: list[str]) -> Sub:
    return Sub(texts, "?")


@scenario(ordered=True)
def include_once(api, log):
    def framed(loud: str) -> str:
        return f"[{loud}]"

    sub = shouting(api, log)
    steps = [api.include("loud", words_of, sub), api.step("framed", framed)]
    return api.pipeline("outer", Texts, steps), Texts(["a", "b"])


@scenario()
def include_twice(api, log):
    def reversed_words(texts: list[str]) -> Sub:
        return Sub(texts[::-1])

    def both(loud: str, back: str) -> str:
        return f"{loud} / {back}"

    sub = shouting(api, log)
    steps = [
        api.include("loud", words_of, sub),
        api.include("back", reversed_words, sub),
        api.step("both", both),
    ]
    return api.pipeline("twice", Texts, steps), Texts(["a", "b"])


@scenario(ordered=True)
def include_nested(api, log):
    def middle_line(deep: str) -> str:
        return f"<{deep}>"

    def pass_on(words: list[str]) -> Sub:
        return Sub(words, "#")

    def framed(loud: str) -> str:
        return f"[{loud}]"

    inner = shouting(api, log)
    middle = api.pipeline(
        "middle",
        Sub,
        [api.include("deep", pass_on, inner), api.step("middle_line", middle_line)],
        exports="middle_line",
    )
    steps = [api.include("loud", words_of, middle), api.step("framed", framed)]
    return api.pipeline("nest", Texts, steps), Texts(["a", "b"])


# -- resources ----------------------------------------------------------------------------------


class Book:
    def __init__(self) -> None:
        self.lines: list[str] = []


@scenario(ordered=True)
def resource_value(api, log):
    def book() -> Book:
        log.append("new book")
        return Book()

    def copied(numbers: Iterator[int], book: Book) -> int:
        book.lines.extend(str(n) for n in numbers)
        log.append(list(book.lines))
        return len(book.lines)

    steps = [api.step("numbers", counting(log)), api.step("copied", copied)]
    return api.pipeline("res", Count, steps, resources={"book": book}), Count()


class Connection:
    def __init__(self, log: Log) -> None:
        self.log = log

    def __enter__(self) -> "Connection":
        self.log.append("open")
        return self

    def __exit__(self, *_: object) -> None:
        self.log.append("close")

    def write(self, item: object) -> None:
        self.log.append(f"write {item}")


@scenario(ordered=True)
def resource_that_is_entered_and_left(api, log):
    def connection() -> Connection:
        return Connection(log)

    def stored(numbers: list[int], connection: Connection) -> int:
        for n in numbers:
            connection.write(n)
        return len(numbers)

    def again(stored: int, connection: Connection) -> int:
        connection.write(f"all {stored}")
        return stored

    steps = [
        api.step("numbers", counting(log)),
        api.step("stored", stored),
        api.step("again", again),
    ]
    return api.pipeline("cm", Count, steps, resources={"connection": connection}), Count(2)


@scenario(ordered=True)
def resource_that_is_entered_for_every_item(api, log):
    def connection() -> Connection:
        return Connection(log)

    def stored(row: int, connection: Connection) -> None:
        connection.write(row)

    resources = {
        "connection": connection if api.__name__ == "synaflow" else api.per_item(connection)
    }
    return api.pipeline("cms", Rows, [api.step("stored", stored)], resources=resources), Rows(
        [1, 2]
    )


@scenario(ordered=True)
def resource_value_for_all_items(api, log):
    def book() -> Book:
        log.append("new book")
        return Book()

    def stored(row: int, book: Book) -> None:
        book.lines.append(str(row))
        log.append(list(book.lines))

    steps = [api.step("stored", stored)]
    return api.pipeline("one", Rows, steps, resources={"book": book}), Rows([1, 2])


# -- errors -------------------------------------------------------------------------------------


@scenario(ordered=True)
def continue_drops_the_item(api, log):
    steps = [api.step("half", halving(log)), api.step("total", total_of(log))]
    return api.pipeline("drop", Rows, steps), Rows([2, 3, 4, 5])


@scenario(ordered=True)
def all_items_fail(api, log):
    steps = [api.step("half", halving(log)), api.step("total", total_of(log))]
    return api.pipeline("none", Rows, steps), Rows([1, 3])


@scenario(ordered=True)
def stop_at_the_first_item(api, log):
    steps = [
        api.step("half", halving(log), on_error=api.OnError.STOP),
        api.step("total", total_of(log)),
    ]
    return api.pipeline("stop", Rows, steps), Rows([2, 3, 4])


@scenario(ordered=True)
def stop_in_a_value_step(api, log):
    def loaded(rows: list[int]) -> int:
        log.append("load")
        raise OSError("no disk")

    def shown(loaded: int) -> str:
        log.append("show")
        return str(loaded)

    steps = [api.step("loaded", loaded, on_error=api.OnError.STOP), api.step("shown", shown)]
    return api.pipeline("stopall", Rows, steps), Rows([1])


@scenario(ordered=True)
def continue_in_a_value_step(api, log):
    def loaded(rows: list[int]) -> int:
        log.append("load")
        raise OSError("no disk")

    def shown(loaded: int) -> str:
        log.append("show")
        return str(loaded)

    def other(rows: list[int]) -> int:
        return len(rows)

    steps = [api.step("loaded", loaded), api.step("shown", shown), api.step("other", other)]
    return api.pipeline("skip", Rows, steps), Rows([1])


@scenario(ordered=True)
def threshold_absolute(api, log):
    steps = [api.step("half", halving(log), error_threshold_absolute=2)]
    return api.pipeline("limit", Rows, steps), Rows([1, 2, 3, 4])


@scenario(ordered=True)
def threshold_fraction_not_reached(api, log):
    steps = [
        api.step("half", halving(log), error_threshold_pct=0.5),
        api.step("total", total_of(log)),
    ]
    return api.pipeline("fraction", Rows, steps), Rows([1, 2, 4, 6])


@scenario(ordered=True)
def generator_fails_before_a_list(api, log):
    def numbers(count: int) -> Generator[int, None, None]:
        yield from range(count)
        raise OSError("connection lost")

    steps = [api.step("numbers", numbers), api.step("whole", listing(log))]
    return api.pipeline("prefix", Count, steps), Count(3)


@scenario(ordered=True)
def generator_stops_the_run(api, log):
    def numbers(count: int) -> Generator[int, None, None]:
        yield from range(count)
        raise OSError("connection lost")

    steps = [
        api.step("numbers", numbers, on_error=api.OnError.STOP),
        api.step("whole", listing(log)),
    ]
    return api.pipeline("halt", Count, steps), Count(3)


# -- materialisation and windows ----------------------------------------------------------------


@scenario(ordered=True)
def forced_materialisation(api, log):
    steps = [
        api.step("numbers", counting(log), force_materialize=True),
        api.step("reader", reading(log, "r")),
    ]
    return api.pipeline("forced", Count, steps), Count(3)


@scenario(ordered=True)
def step_materializer(api, log):
    def backwards(items: list[int]) -> list[int]:
        log.append(f"materialize {items}")
        return items[::-1]

    steps = [
        api.step("numbers", counting(log), materializer=backwards),
        api.step("whole", listing(log)),
    ]
    return api.pipeline("mat", Count, steps), Count(3)


@scenario(ordered=True)
def pipeline_materializer(api, log):
    def kept(items: list[int]) -> list[int]:
        log.append(f"materialize {items}")
        return items

    steps = [api.step("numbers", counting(log)), api.step("whole", listing(log))]
    return api.pipeline("mat2", Count, steps, materializer=kept), Count(3)


@scenario()
def futures_in_flight(api, log):
    def started(row: int) -> Future:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(pow, row, 2)

    def gathered(started: Iterator[Future]) -> int:
        found = 0
        for future in started:
            log.append(future.result())
            found += future.result()
        return found

    steps = [api.step("started", started, max_in_flight=3), api.step("gathered", gathered)]
    return api.pipeline("futures", Rows, steps), Rows([1, 2, 3, 4, 5])


@scenario(ordered=True)
def forced_modes(api, log):
    def squared(row: int) -> int:
        return row * row

    def total(squared: list[int]) -> int:
        log.append(squared)
        return sum(squared)

    steps = [
        api.step("squared", squared, mode=api.StepMode.EACH),
        api.step("total", total, mode=api.StepMode.ALL),
    ]
    return api.pipeline("modes", Rows, steps), Rows([1, 2])


# -- async --------------------------------------------------------------------------------------


def counting_async(log: Log) -> Callable[..., Any]:
    async def numbers(count: int) -> AsyncGenerator[int, None]:
        for n in range(count):
            log.append(f"made {n}")
            yield n

    return numbers


def reading_async(log: Log, name: str) -> Callable[..., Any]:
    async def reader(numbers: AsyncIterator[int]) -> int:
        total = 0
        async for n in numbers:
            log.append(f"{name} {n}")
            total += n
        return total

    return reader


async def total_async(halves: list[int]) -> int:
    return sum(halves)


@scenario(is_async=True)
def async_linear(api, log):
    steps = [api.step("numbers", counting_async(log)), api.step("r", reading_async(log, "r"))]
    return api.pipeline("alinear", Count, steps), Count()


@scenario(is_async=True)
def async_fan_out(api, log):
    steps = [
        api.step("numbers", counting_async(log)),
        api.step("first", reading_async(log, "f")),
        api.step("second", reading_async(log, "s")),
    ]
    return api.pipeline("afan", Count, steps), Count()


@scenario(is_async=True)
def async_each_drops(api, log):
    async def half(row: int) -> int:
        await asyncio.sleep(0)
        if row % 2:
            raise ValueError(row)
        return row // 2

    steps = [api.step("half", half), api.step("total", total_async)]
    return api.pipeline("adrop", Rows, steps), Rows([2, 3, 4])


@scenario(is_async=True)
def async_stop(api, log):
    async def half(row: int) -> int:
        raise ValueError(row)

    steps = [api.step("half", half, on_error=api.OnError.STOP), api.step("total", total_async)]
    return api.pipeline("astop", Rows, steps), Rows([2, 3, 4])


@scenario(is_async=True)
def async_tasks_in_flight(api, log):
    async def started(row: int) -> asyncio.Task:
        async def squared() -> int:
            await asyncio.sleep(0)
            return row * row

        return asyncio.create_task(squared())

    async def gathered(started: AsyncIterator[asyncio.Task]) -> int:
        found = 0
        async for task in started:
            found += await task
            log.append(found)
        return found

    steps = [api.step("started", started, max_in_flight=3), api.step("gathered", gathered)]
    return api.pipeline("atasks", Rows, steps), Rows([1, 2, 3, 4])


@scenario(is_async=True)
def async_threshold(api, log):
    async def half(row: int) -> int:
        if row % 2:
            raise ValueError(row)
        return row // 2

    steps = [api.step("half", half, error_threshold_pct=0.4)]
    return api.pipeline("alimit", Rows, steps), Rows([2, 3, 5])


@scenario(is_async=True)
def async_include(api, log):
    async def adapted(texts: list[str]) -> Sub:
        return Sub(texts, "?")

    async def trimmed(words: list[str]) -> list[str]:
        return [word.strip() for word in words]

    async def shout(trimmed: str, mark: str) -> str:
        log.append(trimmed)
        return trimmed.upper() + mark

    async def line(shout: list[str]) -> str:
        return " ".join(shout)

    async def framed(loud: str) -> str:
        return f"[{loud}]"

    inner = [api.step(fn.__name__, fn) for fn in (trimmed, shout, line)]
    sub = api.pipeline("ashout", Sub, inner, exports="line")
    steps = [api.include("loud", adapted, sub), api.step("framed", framed)]
    return api.pipeline("aouter", Texts, steps), Texts(["a", "b"])


class AsyncConnection:
    def __init__(self, log: Log) -> None:
        self.log = log

    async def __aenter__(self) -> "AsyncConnection":
        self.log.append("open")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.log.append("close")


@scenario(is_async=True, ordered=True)
def async_resource(api, log):
    def connection() -> AsyncConnection:
        return AsyncConnection(log)

    async def total(rows: list[int], connection: AsyncConnection) -> int:
        log.append(f"sum {rows}")
        return sum(rows)

    steps = [api.step("total", total)]
    return api.pipeline("acm", Rows, steps, resources={"connection": connection}), Rows([1, 2])

"""Where a pipeline of the public package behaves differently on this engine, on purpose.

Each entry is run on both; what each does is written down, so it is known when one of them changes.
The page ``docs/explanation/differences.md`` tells the same to users, by the same names.
"""

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.compat.running import Build
from tests.compat.scenarios import (
    Count,
    Rows,
    Sub,
    Texts,
    counting,
    halving,
    reading,
    total_of,
)

REFUSED = "ValueError"  # how the public package refuses a definition


@dataclass(frozen=True)
class Difference:
    """One difference: what each of the two does, and why ours does it otherwise.

    Attributes:
        theirs: Fields of the outcome on the public package; ``"hangs"`` if it never ends there.
        ours: The same fields here.
    """

    name: str
    build: Build
    theirs: Any
    ours: dict[str, Any]
    reason: str


DIFFERENCES: list[Difference] = []


def difference(name: str, theirs: Any, ours: dict[str, Any], reason: str) -> Any:
    def register(build: Build) -> Build:
        DIFFERENCES.append(Difference(name, build, theirs, ours, reason))
        return build

    return register


# -- definitions that are refused there -----------------------------------------------------------


@difference(
    "A step may have the name of what it reads",
    {"error": REFUSED},
    {"outputs": {"urls": ["A", "B"]}},
    "SynaFlow's own documents print it; there it counts as a cycle.",
)
def self_named_step(api, log):
    class Params(NamedTuple):
        urls: list[str]

    def urls(urls: list[str]) -> list[str]:
        return [url.upper() for url in urls]

    return api.pipeline("self", Params, [api.step("urls", urls)]), Params(["a", "b"])


@difference(
    "A parameter's Python default is used when nothing produces its name",
    {"error": REFUSED},
    {"outputs": {"scaled": 6}},
    "It is what the signature says, and what a call of the function in a test does.",
)
def python_default(api, log):
    def scaled(count: int, factor: int = 2) -> int:
        return count * factor

    return api.pipeline("default", Count, [api.step("scaled", scaled)]), Count(3)


class Animal:
    """A base class."""


class Dog(Animal):
    """A derived one."""


@difference(
    "A subclass fits where its base class is expected",
    {"error": REFUSED},
    {"outputs": {"kind": "Dog"}},
    "Types are covariant in Python; there, two classes fit only if they are the same.",
)
def covariance(api, log):
    def dog(count: int) -> Dog:
        return Dog()

    def kind(dog: Animal) -> str:
        return type(dog).__name__

    return api.pipeline("zoo", Count, [api.step("dog", dog), api.step("kind", kind)]), Count()


@difference(
    "An int fits a float",
    {"error": REFUSED},
    {"outputs": {"shown": "3.50"}},
    "The same rule as that of type checkers.",
)
def int_fits_float(api, log):
    def size(count: int) -> int:
        return count

    def shown(size: float) -> str:
        return f"{size + 0.5:.2f}"

    return api.pipeline("num", Count, [api.step("size", size), api.step("shown", shown)]), Count(3)


@difference(
    "A frozenset or a Sequence can be asked for",
    {"error": REFUSED},
    {"outputs": {"distinct": 2, "last": 2}},
    "They are containers like the others.",
)
def frozenset_and_sequence(api, log):
    def numbers(rows: list[int]) -> Generator[int, None, None]:
        yield from rows

    def distinct(numbers: frozenset[int]) -> int:
        return len(numbers)

    def last(numbers: Sequence[int]) -> int:
        return numbers[-1]

    steps = [numbers, distinct, last]
    return api.pipeline("fs", Rows, [api.step(f.__name__, f) for f in steps]), Rows([1, 1, 2])


@difference(
    "Steps without annotations follow each other",
    {"error": REFUSED},
    {"outputs": {"shown": "1 rows"}},
    "An unannotated result fits anything; there no materializer is found for it.",
)
def unannotated_chain(api, log):
    def loaded(rows):
        return len(rows)

    def shown(loaded):
        return f"{loaded} rows"

    steps = [api.step("loaded", loaded), api.step("shown", shown)]
    return api.pipeline("bare", Rows, steps), Rows([7])


@difference(
    "A step of an included pipeline takes the items of a params field",
    {"error": REFUSED},
    {"outputs": {"loud": "A? B?"}},
    "A pipeline means the same alone and included; there the names inside bind only exactly.",
)
def items_of_an_included_field(api, log):
    def shout(word: str, mark: str) -> str:
        return word.upper() + mark

    def line(shouts: list[str]) -> str:
        return " ".join(shouts)

    def words_of(texts: list[str]) -> Sub:
        return Sub(texts, "?")

    sub = api.pipeline(
        "sub", Sub, [api.step("shout", shout), api.step("line", line)], exports="line"
    )
    steps = [api.include("loud", words_of, sub)]
    return api.pipeline("outer", Texts, steps), Texts(["a", "b"])


# -- other meanings -------------------------------------------------------------------------------


@difference(
    "A bare dict, list or tuple over a list of them is an item",
    {"outputs": {"amount": None}, "calls": []},
    {"outputs": {"amount": [1, 2]}, "calls": [1, 2]},
    "The documents do it (`event: dict` over `list[dict]` is EACH); there the step is called once "
    "with the whole list, and fails.",
)
def bare_dict_items(api, log):
    class Window(NamedTuple):
        events: list[dict]

    def amount(event: dict) -> int:
        log.append(event["amount"])
        return event["amount"]

    steps = [api.step("amount", amount, force_materialize=True)]
    return api.pipeline("w", Window, steps), Window([{"amount": 1}, {"amount": 2}])


@difference(
    "Collecting for one consumer leaves the others lazy",
    {"calls": ["made 0", "made 1", "made 2", "r 0", "r 1", "r 2"]},
    {"calls": ["made 0", "r 0", "made 1", "r 1", "made 2", "r 2"]},
    "The README promises a list 'only for that branch'; there all consumers get the collected one.",
)
def per_branch_materialisation(api, log):
    def whole(numbers: list[int]) -> int:
        return sum(numbers)

    steps = [
        api.step("numbers", counting(log)),
        api.step("reader", reading(log, "r")),
        api.step("whole", whole),
    ]
    return api.pipeline("mixed", Count, steps), Count(3)


@difference(
    "The window of max_in_flight is topped up before each delivery",
    {"calls": ["+0", "+1", "+2", "-0", "-1", "-2", "+3", "+4", "-3", "-4"]},
    {"calls": ["+0", "+1", "+2", "-0", "+3", "-1", "+4", "-2", "-3", "-4"]},
    "So N requests stay in flight; there the window runs empty before it is filled again.",
)
def window_is_kept_full(api, log):
    def starts(count: int) -> Generator[int, None, None]:
        for n in range(count):
            log.append(f"+{n}")
            yield n

    def ends(starts: Iterator[int]) -> None:
        for n in starts:
            log.append(f"-{n}")

    steps = [api.step("starts", starts, max_in_flight=3), api.step("ends", ends)]
    return api.pipeline("window", Count, steps), Count(5)


@difference(
    "A generator that fails ends its stream; its consumer keeps what came",
    {"outputs": {"reader": None}, "calls": ["made 0", "r 0"]},
    {"outputs": {"reader": 0}, "calls": ["made 0", "r 0"]},
    "The step that fails is the one that is marked failed; there the exception is raised inside "
    "the consumer, whose result is lost.",
)
def generator_fails_under_a_reader(api, log):
    def numbers(count: int) -> Generator[int, None, None]:
        log.append("made 0")
        yield 0
        raise OSError("connection lost")

    steps = [api.step("numbers", numbers), api.step("reader", reading(log, "r"))]
    return api.pipeline("broken", Count, steps), Count()


@difference(
    "A threshold also holds for a collected step",
    {"error": "", "outputs": {"total": 3}},
    {"error": "ThresholdExceededException at half", "outputs": {}},
    "Too many errors end the run, whoever reads the output; there the run ends well, and the "
    "consumer has worked on what was left.",
)
def threshold_before_a_list(api, log):
    steps = [
        api.step("half", halving(log), error_threshold_absolute=2),
        api.step("total", total_of(log)),
    ]
    return api.pipeline("limit", Rows, steps), Rows([1, 2, 3, 4])


@difference(
    "Counts are of items, not of what is left of them in a set",
    {"counts": {"letters": (2, 0)}},
    {"counts": {"letters": (5, 0)}},
    "The generator yielded five; there the length of the set is reported.",
)
def counts_of_a_set(api, log):
    def letters(count: int) -> Generator[str, None, None]:
        yield from "abaab"

    def distinct(letters: set[str]) -> int:
        return len(letters)

    steps = [api.step("letters", letters), api.step("distinct", distinct)]
    return api.pipeline("set", Count, steps), Count()


@difference(
    "An include that is fed item by item runs once per item",
    {"calls": [2]},
    {"calls": [1, 2]},
    "A pipeline means the same alone and included; there its steps see the items of all runs as "
    "one stream, and a list inside is of all of them.",
)
def include_per_item(api, log):
    class One(NamedTuple):
        row: int

    def taken(row: int) -> list[int]:
        return [row] * row

    def size(taken: list[int]) -> int:
        return len(taken)

    def adapted(row: int) -> One:
        return One(row)

    def stored(sizes: int) -> None:
        log.append(sizes)

    inner = [api.step("taken", taken), api.step("size", size)]
    sub = api.pipeline("one", One, inner, exports="size")
    steps = [api.include("sizes", adapted, sub), api.step("stored", stored)]
    return api.pipeline("many", Rows, steps), Rows([1, 2])


@difference(
    "A step runs on the thread that called run",
    {"calls": ["another thread"]},
    {"calls": ["the caller's thread"]},
    "Context variables, SQLite connections and debuggers keep working; there each step has a "
    "thread of its own.",
)
def threads(api, log):
    caller = threading.get_ident()

    def where(count: int) -> None:
        here = threading.get_ident() == caller
        log.append("the caller's thread" if here else "another thread")

    return api.pipeline("thread", Count, [api.step("where", where)]), Count()


@difference(
    "Branches of one stream are joined by source item",
    {"calls": ["0/0", "1/2", "3/4", "4/6", "None/8"]},
    {"calls": ["0/0", "1/2", "3/6", "4/8"]},
    "Where one branch drops an item the join is not called for it, so values of two events never "
    "meet; there the rest of the branch moves up by one.",
)
def diamond_with_a_drop(api, log):
    return diamond(api, log, dropped=(2,))


def diamond(api, log, dropped):
    def number(count: int) -> Generator[int, None, None]:
        yield from range(count)

    def left(number: int) -> int:
        if number in dropped:
            raise ValueError(number)
        return number

    def right(number: int) -> int:
        return number * 2

    def joined(left: int, right: int) -> None:
        log.append(f"{left}/{right}")

    steps = [number, left, right, joined]
    return api.pipeline("diamond", Count, [api.step(f.__name__, f) for f in steps]), Count(5)


@difference(
    "All mistakes of a definition are told at once",
    {"error": "ValueError"},
    {"error": "DefinitionError"},
    "With the place of each and what to do; there the first one is.",
)
def mistakes(api, log):
    def total(nowhere: int) -> int:
        return nowhere

    return api.pipeline("wrong", Count, [api.step("total", total)]), Count()


# -- pipelines that hang there --------------------------------------------------------------------


@difference(
    "A diamond that drops several items ends",
    "hangs",
    {"calls": ["0/0", "3/6", "4/8"]},
    "There the branch that dropped them waits for items that its sibling's full queue holds back.",
)
def diamond_with_drops(api, log):
    return diamond(api, log, dropped=(1, 2))


@difference(
    "A step may read one branch of a stream to its end first",
    "hangs",
    {"outputs": {"compared": [6, 6]}},
    "The bound of the other branch is lifted, with a warning.",
)
def one_branch_first(api, log):
    def left(numbers: Iterator[int]) -> Generator[int, None, None]:
        yield from numbers

    def right(numbers: Iterator[int]) -> Generator[int, None, None]:
        yield from numbers

    def compared(left: Iterator[int], right: Iterator[int]) -> list[int]:
        return [sum(left), sum(right)]

    steps = [
        api.step("numbers", counting(log)),
        api.step("left", left),
        api.step("right", right),
        api.step("compared", compared),
    ]
    return api.pipeline("join", Count, steps), Count(4)

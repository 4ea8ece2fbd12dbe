"""The ``jsonl`` codec: one line of JSON per element, through msgspec, typed by the annotation.

**Lossless or refused**, for every element: what is read back with the same type equals what was
written, types included, order of dicts included; else :class:`LossyValueError`, and nothing is
committed. Precisely:

* A line is *plain* typed JSON when the test of :mod:`.exact` proves for this element that msgspec
  brings it back unchanged. The test looks at every element, never at a sample.
* Otherwise the line is in the self-describing form of :mod:`.tagged` (a space in front tells them
  apart; both are JSON). Its round trip is tried for each such element.
* What has no such form (an object of a class that the annotation does not name, a subclass of
  ``str``, a connection) is refused with its place and type.
* Beyond that the first 100 elements and then 1 in 1000 go through a whole round trip, against an
  error in the reasoning above or in msgspec.
* Not kept: that two parts of an element are one object, ``UUID.is_safe``, caches of
  ``cached_property``, ``__orig_class__`` of generic classes.

Elements must not be changed after the next one was written. The type that reads must be the type
that wrote; the bytes of equal data are equal in all processes.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from synaflow_core.contract.codecs import codec_of
from synaflow_core.errors import LossyValueError
from synaflow_core.handoff.codecs import Decode, Encoder, Piece
from synaflow_core.handoff.codecs.exact import Test, can_sort_sets, plain_test
from synaflow_core.handoff.codecs.leaves import NoTagError
from synaflow_core.handoff.codecs.same import same
from synaflow_core.handoff.codecs.tagged import Tagger

CHECKED_FIRST = 100
CHECKED_EVERY = 1000
CHUNK_BYTES = 64 * 1024
"""Lines decoded at once: enough to be fast, few enough to stay in the CPU's cache."""

_MARK = b" "


class JsonlCodec:
    """See :class:`~synaflow_core.handoff.codecs.Codec`."""

    name = "jsonl"
    suffix = ".jsonl"
    eager = False
    compressed = False

    def encoder(self, hint: Any, dataset: str) -> Encoder:
        """Writes elements as lines."""
        return _Encoder(hint, dataset)

    def decoder(self, hint: Any) -> Decode:
        """Reads lines, a chunk of them at a time."""
        typed = _typed_decoder(hint)
        tagger = Tagger(hint)

        def line_of(line: bytes) -> Any:
            if line.startswith(_MARK):
                return tagger.untag(msgspec.json.decode(line))
            if typed is None:
                raise ValueError("the type cannot be read as plain JSON")
            return typed.decode(line)

        def decode(content: bytes, count: int, marked: int) -> Iterator[list[Any]]:
            for chunk in _chunks(content):
                if marked or typed is None:
                    yield [line_of(line) for line in bytes(chunk).splitlines()]
                else:
                    yield typed.decode_lines(chunk)

        return decode


def _chunks(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + CHUNK_BYTES) + 1 or len(content)
        yield view[start:end]
        start = end


def _typed_decoder(hint: Any) -> msgspec.json.Decoder[Any] | None:
    try:
        return msgspec.json.Decoder(hint)
    except Exception:  # a union it cannot tell apart, an unresolvable name: no plain lines then
        return None


class _Encoder:
    """Writes the elements of one dataset."""

    def __init__(self, hint: Any, dataset: str) -> None:
        self._hint = hint
        self._dataset = dataset
        sets_sorted = can_sort_sets(hint)
        self._json = msgspec.json.Encoder(order="deterministic" if sets_sorted else None)
        self._typed = _typed_decoder(hint)
        self._tagger = Tagger(hint)
        self._plain: Test = (
            plain_test(hint, self._round_trip, sets_sorted=sets_sorted)
            if self._typed is not None
            else lambda items: False
        )

    def encode(self, items: Sequence[Any], first: int) -> tuple[Piece]:
        """The lines of some elements."""
        if self._plain(items):
            try:
                lines = self._json.encode_lines(items)
            except Exception:  # text that is not Unicode, an integer of 5000 digits: find it
                return self._one_by_one(items, first)
            self._check_samples(items, first)
            return (Piece(lines, len(items)),)
        return self._one_by_one(items, first)

    def finish(self) -> tuple[()]:
        """Nothing is kept back."""
        return ()

    def _one_by_one(self, items: Sequence[Any], first: int) -> tuple[Piece]:
        lines: list[bytes] = []
        marked = 0
        for index, item in enumerate(items, first):
            line = self._plain_line(item)
            if line is None:
                line = _MARK + self._tagged(item, index)
                marked += 1
            lines += (line, b"\n")
        return (Piece(b"".join(lines), len(items), marked),)

    def _plain_line(self, item: Any) -> bytes | None:
        if not self._plain((item,)):
            return None
        try:
            return self._json.encode(item)
        except Exception:  # as above
            return None

    def _tagged(self, item: Any, index: int) -> bytes:
        try:
            line = msgspec.json.encode(self._tagger.tag(item))
            unchanged = same(self._tagger.untag(msgspec.json.decode(line)), item)
        except NoTagError as problem:
            raise self._refusal(index, problem.path, problem.value) from None
        except Exception as problem:  # code of the elements' classes runs here
            raise self._refusal(index, "", item, f": {type(problem).__name__}: {problem}") from None
        if not unchanged:
            raise self._refusal(index, "", item)
        return line

    def _check_samples(self, items: Sequence[Any], first: int) -> None:
        if first >= CHECKED_FIRST:
            samples: Iterable[int] = range(-first % CHECKED_EVERY, len(items), CHECKED_EVERY)
        else:
            samples = range(min(len(items), CHECKED_FIRST - first))
        for i in samples:
            if not self._survives(self._typed, items[i]):
                raise self._refusal(first + i, "", items[i])

    def _survives(self, decoder: msgspec.json.Decoder[Any] | None, value: Any) -> bool:
        if decoder is None:
            return False
        try:
            return same(decoder.decode(self._json.encode(value)), value)
        except Exception:  # whatever happens, it did not come back
            return False

    def _round_trip(self, hint: Any) -> Test:
        """The test that tries out every value of a type."""
        decoder = _typed_decoder(hint)

        def survive(values: Iterable[Any]) -> bool:
            return all(self._survives(decoder, value) for value in values)

        return survive

    def _refusal(self, index: int, path: str, value: Any, cause: str = "") -> LossyValueError:
        cls = type(value)
        name = f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")
        field = f", field {path.strip()}" if path else ""
        is_class = isinstance(self._hint, type) and not typing.get_args(self._hint)
        hint = self._hint.__qualname__ if is_class else str(self._hint)
        advice = "put plain data there"
        better = codec_of(cls)
        if better is None:  # a type without a codec makes a pickle of all that it is named in
            advice += (
                f", or name {cls.__qualname__} in the annotation of what the step returns and "
                "allow pickle (--allow-pickle)"
            )
        elif better != "jsonl":
            advice = f"annotate what the step returns as {name}, which codec {better} stores"
        elif cls.__module__ != "builtins":
            advice += f", or name {cls.__qualname__} in the annotation of what the step returns"
        return LossyValueError(
            f"step '{self._dataset}', item {index}{field}: a value of type {name} would not come "
            f"back unchanged from codec jsonl (element type {hint}){cause}\n"
            f"    -> {advice}"
        )

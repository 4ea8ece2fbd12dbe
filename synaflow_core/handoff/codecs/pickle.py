"""The ``pickle`` codec: any picklable object, read back by running the code that it names.

Used only where it was allowed. An element that cannot be pickled and loaded again is refused; that
it comes back *equal* is the affair of its class. Batches are pickled as lists, one after another.
Equal data gives an equal digest as far as pickle itself is deterministic (sets of text are not).
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from synaflow_core.errors import LossyValueError
from synaflow_core.handoff.codecs import Decode, Encoder, Piece

PROTOCOL = 5
"""Fixed, so that every supported Python writes and reads the same."""

CHECKED_FIRST = 100


class PickleCodec:
    """See :class:`~synaflow_core.handoff.codecs.Codec`."""

    name = "pickle"
    suffix = ".pickle"
    eager = False
    compressed = False

    def encoder(self, hint: Any, dataset: str) -> Encoder:
        """Pickles batches; the type is not needed."""
        return _Encoder(dataset)

    def decoder(self, hint: Any) -> Decode:
        """Loads batch after batch."""

        def decode(content: bytes, count: int, marked: int) -> Iterator[list[Any]]:
            stream = io.BytesIO(content)
            while stream.tell() < len(content):
                yield pickle.Unpickler(stream).load()

        return decode


class _Encoder:
    def __init__(self, dataset: str) -> None:
        self._dataset = dataset

    def encode(self, items: Sequence[Any], first: int) -> tuple[Piece]:
        batch = list(items)
        try:
            data = pickle.dumps(batch, PROTOCOL)
            if first < CHECKED_FIRST:
                pickle.loads(data)
        except Exception as problem:  # pickling runs code of the elements' classes
            raise _refusal(batch, first, self._dataset, problem) from problem
        return (Piece(data, len(batch)),)

    def finish(self) -> tuple[()]:
        return ()


def _refusal(batch: list[Any], first: int, dataset: str, problem: Exception) -> LossyValueError:
    """Finds the element that is at fault."""
    position = 0
    for i, item in enumerate(batch):
        try:
            pickle.loads(pickle.dumps(item, PROTOCOL))
        except Exception as own:  # as above
            position, problem = i, own
            break
    kind = type(batch[position])
    return LossyValueError(
        f"step '{dataset}', item {first + position}: a value of type "
        f"{kind.__module__}.{kind.__qualname__} cannot be pickled: "
        f"{type(problem).__name__}: {problem}\n"
        "    -> yield plain data instead of objects that hold connections, locks or local classes, "
        "or keep both steps in one task with step(..., macro_task=...)"
    )

"""Codecs: how elements become the content of a block and come back equal, types included.

One file per codec; :func:`codec_named` finds it. A codec gets elements in small batches, because
work per batch is cheap where work per element is not, and gives them back in batches. It raises
:class:`LossyValueError` for an element that would not come back equal; then nothing is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from synaflow_core.errors import HandoffError

Encode = Callable[[Sequence[Any], int], tuple[bytes, int]]
"""``(elements, index of the first) -> (content, how many are in the self-describing form)``."""

Decode = Callable[[bytes, int], Iterator[list[Any]]]
"""``(content of a block, how many are self-describing) -> batches of elements``."""


class Codec(Protocol):
    """Turns elements into bytes and back.

    Attributes:
        name: As in contracts, plans, manifests and references.
        suffix: What the name of a block's file ends with.
    """

    name: str
    suffix: str

    def encoder(self, hint: Any, dataset: str) -> Encode:
        """Writes elements annotated with the type ``hint``; ``dataset`` is for messages."""

    def decoder(self, hint: Any) -> Decode:
        """Reads elements that were written with the same type."""


def codec_named(name: str, *, allow_pickle: bool) -> Codec:
    """The codec of a name.

    Raises:
        HandoffError: There is none, or it is pickle and that is not allowed.
    """
    if name == "jsonl":
        from synaflow_core.handoff.codecs.jsonl import JsonlCodec

        return JsonlCodec()
    if name == "pickle":
        if not allow_pickle:
            raise HandoffError(
                "codec 'pickle' is not allowed: reading a pickle runs whatever code it names\n"
                "    -> annotate the element as a dataclass or TypedDict to use jsonl, or, when "
                "all who can write to the store are trusted, allow it (--allow-pickle)"
            )
        from synaflow_core.handoff.codecs.pickle import PickleCodec

        return PickleCodec()
    raise HandoffError(f"codec {name!r} is not known\n    -> use one of: jsonl, pickle")

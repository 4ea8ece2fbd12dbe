"""Which codec stores a type: decided when the contract is written, and written into it.

Owns the table of the libraries' types and the codecs of other packages. Types of pandas, polars,
pyarrow and numpy are known by their names, so none of these libraries is imported here. The codecs
themselves, which turn values into bytes on a worker, live in :mod:`synaflow_core.handoff.codecs`.

A codec of somebody else comes by the entry point group ``synaflow.codecs`` or by :func:`register`,
and is asked only for types that no codec of ours stores.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Literal, Protocol, get_args, get_origin, runtime_checkable

from synaflow_core.contract.elements import unsupported
from synaflow_core.errors import HandoffError

ENTRY_POINTS = "synaflow.codecs"
OURS = ("bytes", "jsonl", "npy", "parquet", "pickle", "text")

Library = Literal["numpy", "pandas", "polars", "pyarrow.RecordBatch", "pyarrow.Table"]

_LIBRARY_TYPES: dict[tuple[str, str], tuple[Library, str]] = {
    ("numpy", "ndarray"): ("numpy", "npy"),
    ("pandas", "DataFrame"): ("pandas", "parquet"),
    ("polars", "DataFrame"): ("polars", "parquet"),
    ("pyarrow", "RecordBatch"): ("pyarrow.RecordBatch", "parquet"),
    ("pyarrow", "Table"): ("pyarrow.Table", "parquet"),
}
"""Package and name of a class -> what it is, codec."""


@runtime_checkable
class ForeignCodec(Protocol):
    """A codec of another package; :class:`~synaflow_core.handoff.codecs.Codec` tells the rest."""

    name: str
    suffix: str

    def stores(self, type_: Any) -> bool:
        """Whether this codec is the one for elements annotated with a type."""

    def encoder(self, hint: Any, dataset: str) -> Any:
        """See :class:`~synaflow_core.handoff.codecs.Codec`."""

    def decoder(self, hint: Any) -> Any:
        """See :class:`~synaflow_core.handoff.codecs.Codec`."""


_registered: dict[str, ForeignCodec] = {}


def codec_of(type_: Any, *, whole: bool = False) -> str | None:
    """The codec of elements of a type, or None when only a pickle could hold them.

    ``Any``, ``object`` and unannotated are ``jsonl``: what really comes is checked when it is
    written.

    Args:
        type_: Any annotation.
        whole: The dataset is one value of this type: text and bytes are stored as they are.

    Raises:
        HandoffError: The type is none of ours, and a package that brings codecs cannot be loaded.
    """
    if whole and (type_ is str or type_ is bytes):
        return "text" if type_ is str else "bytes"
    known = _of_library(type_)
    if known is not None:
        return known[1]
    if unsupported(type_) is None:
        return "jsonl"
    return next((codec.name for codec in _foreign() if _says(codec, type_)), None)


def library_of(type_: Any) -> Library | None:
    """Whose table or array a type is; None for all other types."""
    known = _of_library(type_)
    return None if known is None else known[0]


def register(codec: ForeignCodec) -> None:
    """Add a codec for the pipelines of this process; call it where the pipeline is defined.

    Raises:
        HandoffError: It is not a codec, or its name is taken.
    """
    _check(codec, f"register({codec!r})")
    taken = _registered.get(codec.name)
    if taken is not None and type(taken) is not type(codec):
        raise HandoffError(
            f"codec {codec.name!r} is registered already, as {type(taken).__qualname__}\n"
            "    -> give one of the two another name"
        )
    _registered[codec.name] = codec


def foreign_codec(name: str) -> ForeignCodec | None:
    """The codec of another package by its name.

    Raises:
        HandoffError: A package that brings codecs cannot be loaded.
    """
    return next((codec for codec in _foreign() if codec.name == name), None)


def _of_library(type_: Any) -> tuple[Library, str] | None:
    cls = get_origin(type_) or type_
    if not isinstance(cls, type):
        return None
    package = str(cls.__module__).partition(".")[0]
    known = _LIBRARY_TYPES.get((package, cls.__qualname__))
    if known is not None and known[0] == "numpy" and _holds_objects(type_):
        return None
    return known


def _holds_objects(array: Any) -> bool:
    """``NDArray[np.object_]``: only a pickle can hold such an array."""
    *_, dtype = get_args(array) or (None,)
    return any(getattr(scalar, "__name__", "") == "object_" for scalar in get_args(dtype))


def _says(codec: ForeignCodec, type_: Any) -> bool:
    try:
        return bool(codec.stores(type_))
    except Exception as problem:
        raise HandoffError(
            f"codec {codec.name!r} cannot say whether it stores {type_!r:.80}: "
            f"{type(problem).__name__}: {problem}\n    -> tell the author of that codec"
        ) from problem


def _foreign() -> Iterator[ForeignCodec]:
    yield from _registered.values()
    yield from _installed()


@functools.cache
def _installed() -> tuple[ForeignCodec, ...]:
    """The codecs of installed packages, by name."""
    from importlib.metadata import entry_points

    found: dict[str, ForeignCodec] = {}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        package = point.dist.name if point.dist is not None else point.value
        try:
            loaded = point.load()
            codec = loaded() if isinstance(loaded, type) else loaded
        except Exception as problem:
            raise HandoffError(
                f"codec {point.name!r} of package {package} cannot be loaded: "
                f"{type(problem).__name__}: {problem}\n    -> mend or remove that package"
            ) from problem
        _check(codec, f"entry point {point.name!r} of package {package}")
        if codec.name in found:
            raise HandoffError(
                f"two installed packages bring a codec {codec.name!r}, one of them {package}\n"
                "    -> remove one of the two"
            )
        found[codec.name] = codec
    return tuple(found.values())


def _check(codec: Any, whence: str) -> None:
    if not isinstance(codec, ForeignCodec):
        missing = [name for name in _PARTS if not hasattr(codec, name)]
        raise HandoffError(
            f"{whence} is not a codec: it has no {', '.join(missing)}\n"
            "    -> see 'A codec of your own' in docs/reference/datasets.md"
        )
    if codec.name in OURS:
        raise HandoffError(
            f"{whence}: {codec.name!r} is a codec of ours\n    -> give yours another name"
        )


_PARTS = ("name", "suffix", "stores", "encoder", "decoder")

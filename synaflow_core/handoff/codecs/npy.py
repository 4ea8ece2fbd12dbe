"""The ``npy`` codec: numpy arrays in numpy's own format, any number of them one after another.

**Lossless or refused**: dtype (byte order and fields included), shape, memory order and every bit
of the data come back. Refused are object arrays, subclasses (matrix, masked, memmap) and what the
format says nothing about: metadata of a dtype, names of fields beyond latin-1. An array that is
contiguous in neither order comes back in C order; all come back writable.

Small arrays share a block; a big one takes several, so that neither side holds more than one block
beside the array itself. A block of a small array is a file that ``numpy.load`` reads.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from synaflow_core.handoff.codecs import Decode, Encoder, Piece
from synaflow_core.handoff.codecs.library import library, refusal

CHUNK = 8 * 1024 * 1024
"""Data of an array that goes into one block, in bytes."""

_KINDS = frozenset("biufcmMSUV")


class NpyCodec:
    """See :class:`~synaflow_core.handoff.codecs.Codec`."""

    name = "npy"
    suffix = ".npy"
    eager = True
    compressed = False

    def encoder(self, hint: Any, dataset: str) -> Encoder:
        """Writes arrays."""
        return _Encoder(library("numpy", "npy", "numpy"), dataset)

    def decoder(self, hint: Any) -> Decode:
        """Reads arrays; those that take several blocks are filled block by block."""
        return _Decoder(library("numpy", "npy", "numpy")).decode


class _Encoder:
    def __init__(self, numpy: Any, dataset: str) -> None:
        self._np = numpy
        self._dataset = dataset

    def encode(self, items: Sequence[Any], first: int) -> Iterator[Piece]:
        for index, item in enumerate(items, first):
            header = self._header(item, index)
            data = self._data(item)
            if len(data) <= CHUNK:
                yield Piece(header + data.tobytes(), 1)
                continue
            for start in range(0, len(data), CHUNK):
                chunk = data[start : start + CHUNK]
                last = start + CHUNK >= len(data)
                yield Piece(
                    b"".join((header, chunk)) if not start else memoryview(chunk),
                    ends=int(last),
                    alone=True,
                )

    def finish(self) -> tuple[()]:
        return ()

    def _header(self, array: Any, index: int) -> bytes:
        """Magic and header of an array that the format holds without loss."""
        np = self._np
        if type(array) is not np.ndarray:
            advice = "return a plain array: numpy.asarray(...) of it"
            raise refusal(self._dataset, index, array, "codec npy holds numpy.ndarray", advice)
        dtype = array.dtype
        if dtype.hasobject or dtype.kind not in _KINDS:
            advice = (
                "give it a dtype of fixed size, or annotate NDArray[numpy.object_] and allow "
                "pickle (--allow-pickle)"
            )
            cause = f"its elements are of dtype {dtype}, which codec npy does not hold"
            raise refusal(self._dataset, index, array, cause, advice)
        format = np.lib.format
        described = None
        if not _has_metadata(dtype):
            with suppress(ValueError):  # fields that overlap or are out of order
                described = format.header_data_from_array_1_0(array)
        if described is None or not _equal(format.descr_to_dtype(described["descr"]), dtype):
            advice = "convert it: array.astype(...) to a dtype without metadata, titles or padding"
            cause = f"the npy format does not hold all of its dtype {dtype!r:.80}"
            raise refusal(self._dataset, index, array, cause, advice)
        out = io.BytesIO()
        try:
            _write_header(format, out, described)
        except UnicodeError:
            advice = "name its fields in latin-1 letters"
            cause = f"the npy format does not hold the names {dtype.names}"
            raise refusal(self._dataset, index, array, cause, advice) from None
        return out.getvalue()

    def _data(self, array: Any) -> Any:
        """The bytes of an array in the order that its header tells, without a copy if possible."""
        if array.flags.f_contiguous and not array.flags.c_contiguous:
            array = array.T
        flat = self._np.ascontiguousarray(array).reshape(-1)
        return flat.view(self._np.uint8) if flat.dtype.itemsize else self._np.empty(0, "u1")


class _Decoder:
    def __init__(self, numpy: Any) -> None:
        self._np = numpy
        self._unfinished: tuple[Any, Any, int] | None = None

    def decode(self, content: bytes, ends: int, marked: int) -> Iterator[list[Any]]:
        rest = memoryview(content)
        while rest:
            array, flat, filled = self._unfinished or self._begun(rest)
            if self._unfinished is None:
                rest = rest[filled:]
                filled = 0
            taken = min(len(rest), len(flat) - filled)
            flat[filled : filled + taken] = self._np.frombuffer(rest[:taken], "u1")
            rest = rest[taken:]
            filled += taken
            self._unfinished = (array, flat, filled) if filled < len(flat) else None
            if self._unfinished is None:
                yield [array]

    def _begun(self, content: memoryview) -> tuple[Any, Any, int]:
        """An array to fill, its bytes, and the length of the header that tells of it."""
        np = self._np
        width = {1: 2, 2: 4}[content[6]]  # of the length of the header, by version
        start = np.lib.format.MAGIC_LEN
        length = int.from_bytes(content[start : start + width], "little")
        stream = io.BytesIO(content[start : start + width + length])
        read = getattr(np.lib.format, f"read_array_header_{content[6]}_0")
        shape, is_fortran, dtype = read(stream, max_header_size=length)
        flat = np.empty(math.prod(shape), dtype)
        array = flat.reshape(shape[::-1]).T if is_fortran else flat.reshape(shape)
        data = flat.view(np.uint8) if dtype.itemsize else np.empty(0, "u1")
        return array, data, start + stream.tell()


def _write_header(format: Any, out: io.BytesIO, described: dict[str, Any]) -> None:
    try:
        format.write_array_header_1_0(out, described)
    except ValueError as problem:  # longer than version 1.0 allows
        if isinstance(problem, UnicodeError):
            raise
        out.seek(0)
        out.truncate()
        format.write_array_header_2_0(out, described)


def _has_metadata(dtype: Any) -> bool:
    """Whether a dtype carries metadata, anywhere in it."""
    if dtype.metadata:
        return True
    if dtype.subdtype is not None:
        return _has_metadata(dtype.subdtype[0])
    return any(_has_metadata(field[0]) for field in (dtype.fields or {}).values())


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other) and repr(one) == repr(other)

"""Compression of blocks: an option of the store, written into each manifest."""

from __future__ import annotations

from typing import Any

from synaflow_core.errors import HandoffError
from synaflow_core.handoff.folder import Content

NAMES = ("zstd",)
_SUFFIXES = {None: "", "zstd": ".zst"}


def suffix(name: str | None) -> str:
    """What a compressed file's name ends with."""
    return _SUFFIXES[name]


def compress(data: Content, name: str | None) -> Content:
    """The data as it is stored."""
    return data if name is None else bytes(_zstandard().ZstdCompressor(level=3).compress(data))


def decompress(data: bytes, name: str | None, size: int) -> bytes:
    """The data as it was before; ``size`` bounds what a damaged file may grow to.

    Raises:
        HandoffError: The compression is not known here or its package is not installed.
        Exception: The data is damaged.
    """
    if name is None:
        return data
    check(name)
    decompressor = _zstandard().ZstdDecompressor()
    return bytes(decompressor.decompress(data, max_output_size=size, allow_extra_data=False))


def check(name: str | None) -> None:
    """Refuse a compression that cannot be used here.

    Raises:
        HandoffError: It is not known or its package is not installed.
    """
    if name is None:
        return
    if name not in NAMES:
        raise HandoffError(
            f"compression {name!r} is not known\n    -> use one of: {', '.join(NAMES)}, or none"
        )
    _zstandard()


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as problem:
        raise HandoffError(
            "compression 'zstd' needs the package zstandard\n"
            "    -> pip install 'synaflow-export[zstd]' on every machine that runs the pipeline"
        ) from problem
    return zstandard

"""Names and addresses: pipeline, run and dataset names as path segments, URLs without secrets.

A segment keeps letters, digits, ``_``, ``-`` and inner dots, and writes every other byte as ``=3A``
(quoted-printable, which no store, shell or URL parser gives a meaning). So different names never
meet in one folder, no name leaves the folder it is put in, and :func:`name_of` reads it back.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import PurePath

from synaflow_core.errors import HandoffError

_LONGEST = 150
"""Longest segment: file systems allow 255 bytes, and ``.tmp`` names need some of them."""

_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
# A key may hold a slash; what follows a colon and is a port is no password.
_USERINFO = re.compile(r"(?<=://)[^/?#@\s]*:(?!\d+/)[^@\s]*@")
_SECRET_QUERY = re.compile(
    r"(?i)(?<=[?&;])([\w.-]*(?:token|secret|password|passwd|signature|credential|api_?key|"
    r"access_?key|account_?key|sig))=[^&;#\s]*"
)


def segment_of(name: str) -> str:
    """The path segment of a name: unique, safe, reversible unless it is very long.

    A name whose segment would be longer than 150 characters is cut and ends in ``=-`` and a
    digest; no other segment holds ``=-``.
    """
    if not name:
        return "=-"
    raw = name.encode("utf-8", "surrogatepass")
    last = len(raw) - 1
    segment = "".join(
        chr(byte) if byte in _KEPT or (byte == ord(".") and 0 < i < last) else f"={byte:02X}"
        for i, byte in enumerate(raw)
    )
    if len(segment) <= _LONGEST:
        return segment
    return f"{segment[: _LONGEST - 34]}=-{hashlib.sha256(raw).hexdigest()[:32]}"


def name_of(segment: str) -> str | None:
    """The name of a segment, or None when it was too long to be kept whole."""
    if segment == "=-":
        return ""
    if "=-" in segment:
        return None
    raw = re.sub(r"=([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), segment).encode("latin-1")
    return raw.decode("utf-8", "surrogatepass")


def base_url(url: str | PurePath) -> str:
    """The address of a store in the form that references carry.

    A local path becomes absolute and gets ``file://``, because a worker has its own current folder.

    Raises:
        HandoffError: The URL is empty or holds a password, which every reference would spread.
    """
    text = str(url) if url else ""
    if not text.strip():
        raise HandoffError(
            f"the store has no URL, got {url!r}\n"
            "    -> give a folder or a URL such as s3://bucket/prefix (SYNAFLOW_STORE)"
        )
    if redacted(text) != text:
        raise HandoffError(
            f"the store URL {redacted(text)} holds a credential\n"
            "    -> take it out of the URL: give it to the storage library by its environment "
            "variables or configuration file"
        )
    is_path = isinstance(url, PurePath) and "://" not in text  # a UPath may be one of s3://
    path = text if is_path else local_path(text)
    if path is not None:
        path = os.path.abspath(os.path.expanduser(path))
        return "file://" + (path.replace(os.sep, "/") if os.sep != "/" else path)
    return text.rstrip("/")


def local_path(url: str) -> str | None:
    """The path of a local URL (``file://``, ``local://`` or a plain path), else None."""
    for scheme in ("file://", "local://"):
        if url.startswith(scheme):
            return url.removeprefix(scheme)
    return None if "://" in url or "::" in url else url


def redacted(text: str) -> str:
    """A URL, or a text with URLs in it, without passwords, tokens and signatures."""
    return _SECRET_QUERY.sub(r"\1=***", _USERINFO.sub("***@", text))

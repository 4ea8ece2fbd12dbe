"""Folders of every file system that fsspec knows: object stores, memory, chained ones.

Every call has a time limit where the file system allows one: ``SYNAFLOW_STORE_TIMEOUT`` seconds,
120 by default, so that a store that does not answer fails the task instead of holding it. Options
and credentials come from where fsspec and the storage's own library look for them, never from us.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from synaflow_core.errors import HandoffError
from synaflow_core.handoff.folder import Content, Entry
from synaflow_core.handoff.telling import is_missing_bucket, told

TIMEOUT_VARIABLE = "SYNAFLOW_STORE_TIMEOUT"
TIMEOUT = 120.0
CLEANING_TIMEOUT = 10.0
"""For removing what is left over: pruned later if it cannot be done now."""

_WRITTEN = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
"""Where file systems tell when a file was written."""


class RemoteFolder:
    """A folder of any fsspec file system. One put of an object store is atomic."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._timeout = _timeout()
        with told("open", url):
            import fsspec.core

            self._fs: Any
            self._fs, self._path = fsspec.core.url_to_fs(url)

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}" if name else self._path

    def _call(self, method: str, *args: Any, timeout: float | None = None, **more: Any) -> Any:
        """Call a method of the file system, for at most the time limit."""
        fs = self._fs
        if not fs.async_impl or hasattr(fs, "fs"):  # a wrapper says async whatever it wraps
            return getattr(fs, method)(*args, **more)
        from fsspec.asyn import sync
        from fsspec.exceptions import FSTimeoutError

        limit = timeout or self._timeout
        try:
            return sync(fs.loop, getattr(fs, f"_{method}"), *args, timeout=limit, **more)
        except FSTimeoutError as problem:
            raise TimeoutError(
                f"no answer within {limit:g} s ({TIMEOUT_VARIABLE} sets how long to wait)"
            ) from problem

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None."""
        with told("read", f"{self.url}/{name}"):
            try:
                return bytes(self._call("cat_file", self._at(name)))
            except FileNotFoundError as problem:
                if is_missing_bucket(problem):
                    raise
                return None

    def write(self, name: str, data: Content) -> None:
        """Write a new private file."""
        with told("write", f"{self.url}/{name}"):
            path = self._at(name)
            try:
                self._call("pipe_file", path, bytes(data))
            except FileNotFoundError:
                if not path.startswith("/"):
                    raise  # bucket/key: object stores have no folders, and would make a bucket
                self._call("makedirs", path.rpartition("/")[0], exist_ok=True)
                self._call("pipe_file", path, bytes(data))

    def publish(self, name: str, data: bytes, draft: str) -> None:
        """One put, which is atomic on object stores; elsewhere a torn manifest fails its seal."""
        self.write(name, data)

    def remove(self, name: str) -> None:
        """Remove a folder, best effort."""
        with suppress(Exception):  # best effort; what is left over is pruned later
            self._call("rm", self._at(name), recursive=True, timeout=CLEANING_TIMEOUT)

    def names(self) -> list[str]:
        """Names of what lies in the folder; what others have just written included."""
        with told("list", self.url):
            self._fs.invalidate_cache()
            try:
                found = self._call("ls", self._path, detail=False)
            except FileNotFoundError as problem:
                if is_missing_bucket(problem):
                    raise
                return []
        return [path.rstrip("/").rpartition("/")[2] for path in found]

    def folders(self, name: str) -> list[str]:
        """Names of the folders in a folder."""
        with told("list", f"{self.url}/{name}"):
            self._fs.invalidate_cache()
            try:
                found = self._call("ls", self._at(name), detail=True)
            except FileNotFoundError as problem:
                if is_missing_bucket(problem):
                    raise
                return []
        paths = (info["name"].rstrip("/") for info in found if info["type"] == "directory")
        return sorted(path.rpartition("/")[2] for path in paths)

    def entries(self, name: str) -> Iterator[Entry]:
        """All files below a folder."""
        with told("list", f"{self.url}/{name}"):
            self._fs.invalidate_cache()
            found = self._call("find", self._at(name), detail=True)
        base = self._fs._strip_protocol(self._path).strip("/")
        for path, info in sorted(found.items()):
            place = path.strip("/").removeprefix(base).strip("/")
            yield Entry(place, int(info.get("size") or 0), self._written(path, info))

    def delete(self, names: Sequence[str]) -> None:
        """Delete files; object stores have no folders."""
        with told("delete from", self.url):
            for name in names:
                with suppress(FileNotFoundError):
                    self._call("rm_file", self._at(name))

    def _written(self, path: str, info: dict[str, Any]) -> datetime:
        """When a file was written; now when the storage does not say."""
        value = next((info[key] for key in _WRITTEN if info.get(key)), None)
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, int | float):
            value = datetime.fromtimestamp(value, UTC)
        if not isinstance(value, datetime):
            return datetime.now(UTC)
        return value if value.tzinfo else value.replace(tzinfo=UTC)


def _timeout() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE, "")
    try:
        seconds = float(text or TIMEOUT)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise HandoffError(
            f"{TIMEOUT_VARIABLE} is {text!r}, which is no number of seconds\n"
            "    -> set it to a number above 0, or leave it out"
        )
    return seconds

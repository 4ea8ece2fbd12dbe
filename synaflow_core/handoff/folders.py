"""Where the bytes of one dataset lie: a local folder, or any fsspec file system.

Owns every access to storage, how a manifest is put in place at once, and how a failure is told.
:func:`open_folder` chooses; local folders need no fsspec, which costs 0.1 s to import.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from synaflow_core.errors import HandoffError
from synaflow_core.handoff.places import local_path, redacted


class Folder(Protocol):
    """The files of one dataset, by path relative to it with ``/``.

    All methods raise :class:`HandoffError`, told with the URL, the cause and a next step.
    """

    url: str

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None when there is none."""

    def write(self, name: str, data: bytes | bytearray) -> None:
        """Write a new file that nobody looks at yet."""

    def publish(self, name: str, data: bytes, draft: str) -> None:
        """Put ``name`` in place at once, replacing it, after everything written before is safe.

        A reader sees the old content or the new one. ``draft`` is a private name to write first
        where the storage cannot put a whole file at once.
        """

    def remove(self, name: str) -> None:
        """Remove a folder and all in it, best effort: a failure is not told."""


def open_folder(url: str) -> Folder:
    """The folder at ``url``; nothing is created until something is written.

    Raises:
        HandoffError: The protocol is not known or its package is not installed.
    """
    path = local_path(url)
    return RemoteFolder(url) if path is None else LocalFolder(url, Path(path))


class LocalFolder:
    """A folder of this machine (or one mounted on it)."""

    def __init__(self, url: str, path: Path) -> None:
        self.url = url
        self._path = path
        self._unsafe: list[Path] = []
        self._made: set[Path] = set()

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None."""
        with _told("read", f"{self.url}/{name}"):
            try:
                return (self._path / name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes | bytearray) -> None:
        """Write a new private file."""
        with _told("write", f"{self.url}/{name}"):
            path = self._path / name
            if path.parent not in self._made:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(path.parent)
            with open(path, "xb") as file:
                file.write(data)
            self._unsafe.append(path)

    def publish(self, name: str, data: bytes, draft: str) -> None:
        """Make all safe, then put the manifest in place at once."""
        self.write(draft, data)
        with _told("write", f"{self.url}/{name}"):
            # The manifest must not reach the disk before the blocks that it speaks of.
            for path in self._unsafe:
                _sync(path)
            for folder in {path.parent for path in self._unsafe}:
                _sync(folder)
            self._unsafe.clear()
            os.replace(self._path / draft, self._path / name)
        with suppress(OSError):  # it is in place and visible: from here on nothing may fail
            _sync(self._path)

    def remove(self, name: str) -> None:
        """Remove a folder, best effort."""
        shutil.rmtree(self._path / name, ignore_errors=True)


class RemoteFolder:
    """A folder of any fsspec file system. One put of an object store is atomic."""

    def __init__(self, url: str) -> None:
        self.url = url
        with _told("open", url):
            import fsspec.core

            self._fs: Any
            self._fs, self._path = fsspec.core.url_to_fs(url)

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None."""
        with _told("read", f"{self.url}/{name}"):
            try:
                return bytes(self._fs.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes | bytearray) -> None:
        """Write a new private file."""
        with _told("write", f"{self.url}/{name}"):
            path = self._at(name)
            try:
                self._fs.pipe_file(path, bytes(data))
            except FileNotFoundError:
                if not path.startswith("/"):
                    raise  # bucket/key: object stores have no folders, and would make a bucket
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                self._fs.pipe_file(path, bytes(data))

    def publish(self, name: str, data: bytes, draft: str) -> None:
        """One put, which is atomic on object stores; elsewhere a torn manifest fails its seal."""
        self.write(name, data)

    def remove(self, name: str) -> None:
        """Remove a folder, best effort."""
        with suppress(Exception):  # best effort; what is left over is pruned later
            self._fs.rm(self._at(name), recursive=True)


def _sync(path: Path) -> None:
    """Force a file or the entries of a folder to the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # a platform that cannot open folders
        return
    try:
        os.fsync(handle)
    except OSError as problem:  # some network mounts refuse to sync a folder
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(handle)


@contextmanager
def _told(action: str, url: str) -> Iterator[None]:
    """Turn whatever the storage raises into a :class:`HandoffError` with a next step."""
    try:
        yield
    except HandoffError:
        raise
    except Exception as problem:  # storage libraries raise classes of their own
        cause = redacted(f"{type(problem).__name__}: {problem}")
        raise HandoffError(
            f"cannot {action} {redacted(url)}: {cause}\n    -> {_next_step(problem)}"
        ) from problem


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def _next_step(problem: Exception) -> str:
    number = problem.errno if isinstance(problem, OSError) else None
    if isinstance(problem, ImportError):
        return "install the package that the message names on every machine that runs the pipeline"
    if isinstance(problem, ValueError):
        return "check the protocol at the start of the store's URL"
    if number in _FULL:
        return "free some space there, or set another store (SYNAFLOW_STORE)"
    if isinstance(problem, PermissionError) or number == errno.EROFS:
        return "let the user who runs the task write there, or set another store (SYNAFLOW_STORE)"
    if isinstance(problem, NotADirectoryError | FileExistsError | IsADirectoryError):
        return "a file is where a folder is needed: remove it, or set another store"
    return "check that the store is reachable from this machine and that its credentials are set"

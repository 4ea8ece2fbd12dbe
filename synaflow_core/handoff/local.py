"""Folders of this machine, or mounted on it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from synaflow_core.handoff.folder import Content, Entry
from synaflow_core.handoff.telling import told


class LocalFolder:
    """A folder of this machine (or one mounted on it)."""

    def __init__(self, url: str, path: Path) -> None:
        self.url = url
        self._path = path
        self._unsafe: list[Path] = []
        self._made: set[Path] = set()

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None."""
        with told("read", f"{self.url}/{name}"):
            try:
                return (self._path / name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, data: Content) -> None:
        """Write a new private file."""
        with told("write", f"{self.url}/{name}"):
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
        with told("write", f"{self.url}/{name}"):
            # The manifest must not reach the disk before the blocks that it speaks of.
            for path in self._unsafe:
                _sync(path)
            for folder in {path.parent for path in self._unsafe}:
                _sync(folder)
            self._unsafe.clear()
            os.replace(self._path / draft, self._path / name)
        with suppress(OSError):  # it is in place and visible: from here on nothing may fail
            _sync(self._path)

    def names(self) -> list[str]:
        """Names of what lies in the folder."""
        with told("list", self.url):
            try:
                return os.listdir(self._path)
            except FileNotFoundError:
                return []

    def remove(self, name: str) -> None:
        """Remove a folder, best effort."""
        shutil.rmtree(self._path / name, ignore_errors=True)

    def folders(self, name: str) -> list[str]:
        """Names of the folders in a folder."""
        with told("list", f"{self.url}/{name}"):
            try:
                return sorted(e.name for e in os.scandir(self._path / name) if e.is_dir())
            except FileNotFoundError:
                return []

    def entries(self, name: str) -> Iterator[Entry]:
        """All files below a folder."""
        with told("list", f"{self.url}/{name}"):
            for folder, folders, files in os.walk(self._path / name, onerror=_raise):
                folders.sort()
                for file in sorted(files):
                    path = Path(folder, file)
                    with suppress(FileNotFoundError):  # gone since the folder was read
                        found = path.stat()
                        place = path.relative_to(self._path).as_posix()
                        written = datetime.fromtimestamp(found.st_mtime, UTC)
                        yield Entry(place, found.st_size, written)

    def delete(self, names: Sequence[str]) -> None:
        """Delete files and then empty folders."""
        with told("delete from", self.url):
            for name in names:
                (self._path / name).unlink(missing_ok=True)
        parents = {parent for name in names for parent in Path(name).parents}
        for parent in sorted(parents, key=lambda path: len(path.parts), reverse=True):
            if parent.parts:
                with suppress(OSError):  # not empty: something was written meanwhile
                    (self._path / parent).rmdir()


def _raise(problem: OSError) -> None:
    if not isinstance(problem, FileNotFoundError):
        raise problem


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

"""Importing a user's code without leaving a trace: for a while, then as if it had never been.

A loose ``pipe.py`` is imported under its own name with its folder first on ``sys.path``, exactly
as ``python pipe.py`` and a worker would see it, so that function references, fingerprints and
pickles agree. :class:`LocalImports` undoes all of it on exit: modules of that folder leave
``sys.modules`` and two different ``pipe.py`` (each with a ``helpers.py``) load in one process.
Entered again, it brings the same module objects back, for code that imports while it runs, and
the current folder, if the code changed it.

Which of those files must travel to a worker is :mod:`synaflow_export.loading.local_modules`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self, TextIO, cast

from synaflow_export.text.pyname import TAKEN_MODULES

__all__ = ["LocalImports", "UserOutput", "stdout_to_stderr"]


class LocalImports:
    """Makes the modules of one folder importable for as long as it is entered.

    Attributes:
        root: The folder that goes first on ``sys.path``; absolute and resolved.
        search_path: ``root`` and what the user's code added to ``sys.path``.
        modules: The local modules seen so far, by name; filled on exit.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.search_path: tuple[str, ...] = (str(root),)
        self.modules: dict[str, ModuleType] = {}
        self._folder: str | None = None
        self._folder_before = ""
        self._path_before: list[str] = []
        self._names_before: frozenset[str] = frozenset()
        self._hidden: dict[str, ModuleType] = {}
        self._depth = 0

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth > 1:
            return self
        self._path_before = list(sys.path)
        self._folder_before = os.getcwd()
        if self._folder is not None:
            os.chdir(self._folder)
        self._hidden = _hide(
            _names_in(self.root) | {name.partition(".")[0] for name in self.modules}
        )
        self._names_before = frozenset(sys.modules.copy())
        sys.modules.update(self.modules)
        sys.path[:0] = self.search_path
        importlib.invalidate_caches()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        if (folder := os.getcwd()) != self._folder_before:  # the user's code went elsewhere
            self._folder = folder
            os.chdir(self._folder_before)
        before = set(self._path_before)
        added = [entry for entry in sys.path if entry not in before and entry != str(self.root)]
        self.search_path = (str(self.root), *dict.fromkeys(added))
        for name, module in sys.modules.copy().items():  # other threads may import
            if name not in self._names_before and self.is_local(module):
                self.modules[name] = sys.modules.pop(name)
        sys.modules.update(self._hidden)
        sys.path[:] = self._path_before

    def is_local(self, module: ModuleType) -> bool:
        """The module was found in the folder."""
        if module.__name__.partition(".")[0] in TAKEN_MODULES:
            return False
        path = getattr(module, "__file__", None)
        if path is None:  # a folder without __init__.py
            places = list(getattr(module, "__path__", ()))
            path = places[0] if places else None
        if path is None:
            return False
        return self.holds(Path(path).resolve())

    def holds(self, file: Path) -> bool:
        """The (resolved) file lies in the folder, and not in an environment inside the folder."""
        if not file.is_relative_to(self.root):
            return False
        nearer = (Path(entry).resolve() for entry in self._path_before or sys.path if entry)
        return not any(
            place != self.root and place.is_relative_to(self.root) and file.is_relative_to(place)
            for place in nearer
        )

    def import_file(self, name: str, file: Path) -> ModuleType:
        """Execute a file as the module ``name``; only while entered.

        Raises:
            BaseException: Whatever the user's code raises.
        """
        parent, _, _ = name.rpartition(".")
        if parent:
            importlib.import_module(parent)
            if name in sys.modules:  # the package itself imports it
                return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"'{file.name}' is not a Python source file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        # A module may replace itself in sys.modules; what is there is what importers get.
        return sys.modules.get(name, module)


def _names_in(folder: Path) -> set[str]:
    """Top-level names that Python would find in a folder before anything else."""
    with contextlib.suppress(OSError):
        return {
            entry.stem if entry.is_file() else entry.name
            for entry in folder.iterdir()
            if entry.suffix == ".py" or (entry / "__init__.py").is_file()
        }
    return set()


def _hide(names: set[str]) -> dict[str, ModuleType]:
    """Take modules of these names (and what is below them) out of ``sys.modules``.

    They were imported from elsewhere; a fresh process started in the folder would not have them.
    The standard library and what we use ourselves stay: nobody's ``queue.py`` may replace them.
    """
    wanted = {name for name in names if name not in TAKEN_MODULES and name != "__main__"}
    return {
        name: sys.modules.pop(name)
        for name in sys.modules.copy()
        if name.partition(".")[0] in wanted
    }


class UserOutput:
    """Stands in for ``sys.stdout``: writes to what ``sys.stderr`` is at the time.

    Attributes:
        used: Whether anything was written.
    """

    def __init__(self) -> None:
        self.used = False

    def write(self, text: str) -> int:
        """Write to stderr."""
        self.used = self.used or bool(text)
        return sys.stderr.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[UserOutput]:
    """Send what the user's code prints while it is imported to stderr.

    Our own output (JSON, diffs) is read by programs, so nothing else may get into stdout; not even
    what a child process writes, hence the redirection of the descriptor as well.

    Yields:
        An object whose ``used`` says whether anything was printed.
    """
    forward = UserOutput()
    saved: int | None = None
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if sys.stdout.fileno() == 1:
            sys.stdout.flush()
            saved = os.dup(1)
            os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(cast(TextIO, forward)):
            yield forward
    finally:
        if saved is not None:
            os.dup2(saved, 1)
            os.close(saved)

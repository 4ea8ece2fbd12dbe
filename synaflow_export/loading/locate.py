"""From what a user types to the place of a pipeline's code: which file, which module name.

Knows ``pipe.py``, ``shop/pipe.py``, ``package.module``, ``contract.json`` and ``:attribute`` after
any of the first three. Imports nothing of the user's: that is :mod:`synaflow_export.loading.load`.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from synaflow_core.errors import Problem, ProblemsError, did_you_mean
from synaflow_export.text.pyname import TAKEN_MODULES

__all__ = ["LoadError", "Place", "locate"]


class LoadError(ProblemsError):
    """The code, or the contract, that was named cannot be loaded; nothing was run or written."""

    @classmethod
    def one(cls, target: str, where: str, code: str, message: str, hint: str) -> LoadError:
        """Tell one problem; most of the time there is no more to tell."""
        return cls(f"cannot load {target}", [Problem(where, "", code, message, hint)])


@dataclass(frozen=True)
class Place:
    """Where the code is.

    Attributes:
        target: As typed, without ``:attribute``.
        attribute: What stood behind the colon; may be empty.
        file: The module's file, or the contract's; None for an installed module.
        module: The name under which a worker imports it; empty for a contract.
        root: The folder from which that name is found, for code that must travel with the export;
            None for an installed module, which is referenced by name.
    """

    target: str
    attribute: str = ""
    file: Path | None = None
    module: str = ""
    root: Path | None = None

    @property
    def argument(self) -> str:
        """What loads it again, from the folder that it is in: without ``:attribute``."""
        return self.shown if Path(self.target).suffix in (".py", ".json") else self.target

    @property
    def folder(self) -> Path:
        """Where settings for it are looked up: beside a file, else in the current folder."""
        if self.file is not None:
            return self.file.parent
        return Path(self.target).parent if self.target.endswith(".py") else Path()

    @property
    def shown(self) -> str:
        """How messages, and generated files, call it: free of what differs between machines."""
        if self.file is None:
            return self.module
        return self.file.relative_to(self.root).as_posix() if self.root else self.file.name


def locate(target: str) -> Place:
    """Find the place of the code (or contract) that ``target`` names.

    Raises:
        LoadError: If there is no such file or module, or it can be neither code nor contract.
    """
    text, attribute = _split(target)
    path = Path(text)
    dotted = all(part.isidentifier() for part in text.split("."))
    loose_folder = path.is_dir() and not (path / "__init__.py").is_file()
    if path.suffix in (".py", ".json") or not dotted or path.is_file() or loose_folder:
        return _locate_file(text, path, attribute)
    return _locate_module(text, attribute)


def _split(target: str) -> tuple[str, str]:
    head, colon, tail = target.rpartition(":")
    if colon and head and tail and all(part.isidentifier() for part in tail.split(".")):
        return head, tail
    if colon and head.endswith((".py", ".json")):
        raise LoadError.one(
            target,
            head,
            "bad-attribute",
            f"'{tail}' is not the name of a variable",
            f"write {head}:NAME, where NAME = pipeline(...) stands in {Path(head).name}",
        )
    return target, ""


def _locate_file(text: str, path: Path, attribute: str) -> Place:
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix == ".py" and p.name[0] != "_")
        example = path / (inside[0] if inside else "pipe.py")
        raise LoadError.one(
            text, text, "is-a-folder", "this is a folder", f"name a file: {example}"
        )
    if not path.is_file():
        raise _missing_file(text, path)
    file = path.resolve()
    if path.suffix == ".json":
        if attribute:
            raise LoadError.one(
                text,
                text,
                "no-attributes",
                f"a contract holds one pipeline, so ':{attribute}' has no meaning",
                f"give {text} alone",
            )
        return Place(text, file=file)
    if path.suffix != ".py":
        raise LoadError.one(
            text,
            text,
            "unknown-kind",
            "this is neither a Python file (.py) nor a contract (.json)",
            "name the Python file that calls pipeline(...), or a contract.json made from it",
        )
    return _locate_source(text, file, attribute)


def _missing_file(text: str, path: Path) -> LoadError:
    folder = path.parent
    if not folder.is_dir():
        return LoadError.one(
            text,
            text,
            "no-such-file",
            f"there is no folder '{folder}'",
            f"check the path; it is looked up from {Path.cwd()}",
        )
    known = [p.name for p in folder.iterdir() if p.suffix in (".py", ".json")]
    close = difflib.get_close_matches(path.name, known, n=1)
    hint = (
        f"did you mean '{folder / close[0]}'?"
        if close
        else f"check the path; it is looked up from {Path.cwd()}"
    )
    return LoadError.one(text, text, "no-such-file", "there is no such file", hint)


def _locate_source(text: str, file: Path, attribute: str) -> Place:
    """A file given by its path; in a folder with an ``__init__.py`` it is a package's module."""
    parts = [] if file.stem == "__init__" else [file.stem]
    root = file.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    if len(parts) > 1 and _same(parts, file):
        return Place(text, attribute, module=".".join(parts))
    _check_names(text, file, parts)
    return Place(text, attribute, file, ".".join(parts), root)


def _check_names(text: str, file: Path, parts: list[str]) -> None:
    """Refuse names under which a worker cannot import the module, or which would break it.

    Raises:
        LoadError: Naming the part of the name that has to change.
    """
    for part in parts:
        if "." in part:
            raise LoadError.one(
                text,
                file.name,
                "not-importable",
                f"'{part}' cannot be the name of a module",
                f"rename the file, for example to {part.replace('.', '_')}.py",
            )
    if parts[0] in TAKEN_MODULES:
        raise LoadError.one(
            text,
            file.name,
            "hides-a-module",
            f"a worker that imports it as '{parts[0]}' could no longer import the library of "
            "that name",
            f"rename it, for example to {parts[0]}_pipeline{'.py' if len(parts) == 1 else ''}",
        )


def _same(parts: list[str], file: Path) -> bool:
    """The file is what every process here imports under this name: it is installed."""
    spec = _installed(".".join(parts))
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == file


def _locate_module(text: str, attribute: str) -> Place:
    if _installed(text) is not None:
        return Place(text, attribute, module=text)
    here = Path.cwd().resolve()
    spec = _follow(text, PathFinder.find_spec(text.partition(".")[0], [str(here)]))
    if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
        file = Path(spec.origin).resolve()
        _check_names(text, file, text.split("."))
        return Place(text, attribute, file, text, here)
    parent, _, last = text.rpartition(".")
    hint = f"install it here, or name its file; modules are also looked up in {here}"
    if spec := _installed(parent) if parent else None:
        known = {
            entry.stem
            for folder in spec.submodule_search_locations or ()
            for entry in Path(folder).iterdir()
        }
        hint = did_you_mean(last, known, hint)
    elif not parent:
        hint = did_you_mean(text, (p.stem for p in here.glob("*.py")), hint)
    message = f"there is no file and no importable module of this name: '{text}'"
    raise LoadError.one(text, text, "no-such-module", message, hint)


def _installed(name: str) -> ModuleSpec | None:
    """Find a module that is importable whatever the current folder is; imports nothing."""
    with _without_current_folder(), contextlib.suppress(ValueError, ImportError):
        return _follow(name, importlib.util.find_spec(name.partition(".")[0]))
    return None


def _follow(name: str, top: ModuleSpec | None) -> ModuleSpec | None:
    """Go from a top-level module down to ``name``, without executing the packages on the way."""
    parts = name.split(".")
    spec = top
    for depth in range(2, len(parts) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join(parts[:depth]), list(spec.submodule_search_locations))
    return spec


@contextlib.contextmanager
def _without_current_folder() -> Iterator[None]:
    """``python -m`` puts the current folder first on the path; no worker has it there."""
    before = list(sys.path)
    if before and before[0] in ("", os.getcwd()):
        del sys.path[0]
    try:
        yield
    finally:
        sys.path[:] = before

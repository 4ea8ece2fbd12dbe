"""The code of an export, imported once for all the macro-tasks that run in this process at a time.

:class:`~synaflow_export.loading.importing.LocalImports` changes what the whole process sees
(``sys.path``, ``sys.modules``), so threads that run macro-tasks of one export have to share it: the
first enters it, the last one leaves. A macro-task of another export waits until they have left,
unless it runs inside one of them: then it is nested as calls are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from synaflow_export.loading.importing import LocalImports

__all__ = ["local_module"]

_changed = threading.Condition()
_entered: dict[Path, _Users] = {}
_nesting = threading.local()


class _Users:
    """The imports of one folder and how many macro-tasks use them."""

    def __init__(self, root: Path) -> None:
        self.imports = LocalImports(root)
        self.importing = threading.RLock()
        self.modules: dict[str, ModuleType] = {}
        self.count = 0


@contextmanager
def local_module(root: Path, name: str, file: Path) -> Iterator[ModuleType]:
    """Import a loose module for the duration of the context.

    Args:
        root: The folder that goes first on ``sys.path``; resolved.
        name: The module's name.
        file: Its file, below ``root``.

    Yields:
        The module: the same one to all who are inside at the same time.

    Raises:
        BaseException: Whatever the user's module raises while it is imported.
    """
    users = _enter(root)
    try:
        with users.importing:
            if name not in users.modules:
                users.modules[name] = users.imports.import_file(name, file)
        yield users.modules[name]
    finally:
        _leave(root)


def _enter(root: Path) -> _Users:
    depth = getattr(_nesting, "depth", 0)
    with _changed:
        _changed.wait_for(lambda: depth or root in _entered or not _entered)
        users = _entered.get(root)
        if users is None:
            users = _Users(root)
            users.imports.__enter__()
            _entered[root] = users
        users.count += 1
    _nesting.depth = depth + 1
    return users


def _leave(root: Path) -> None:
    _nesting.depth -= 1
    with _changed:
        users = _entered[root]
        users.count -= 1
        if not users.count:
            users.imports.__exit__(None, None, None)
            del _entered[root]
            _changed.notify_all()

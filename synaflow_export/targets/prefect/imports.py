"""The imports of a generated file, ordered as import sorters order them.

The packages that a flow file needs are all third-party where it runs; only the standard library
comes before them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from synaflow_export.text.pylayout import call, lay_out
from synaflow_export.text.pyname import PyLiteral


def import_lines(names: Iterable[tuple[str, str]]) -> tuple[PyLiteral, ...]:
    """The ``from module import name`` statements; an empty one stands between the two sections.

    Args:
        names: ``(module, name)`` of all that is imported.
    """
    by_module: dict[str, list[str]] = {}
    for module, name in set(names):
        by_module.setdefault(module, []).append(name)
    sections: tuple[list[PyLiteral], list[PyLiteral]] = ([], [])
    for module in sorted(by_module):
        third_party = module.partition(".")[0] not in sys.stdlib_module_names
        sections[third_party].append(_statement(module, sorted(by_module[module], key=_order)))
    between = [PyLiteral("")] if all(sections) else []
    return (*sections[0], *between, *sections[1])


def _statement(module: str, names: list[str]) -> PyLiteral:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 88:
        return PyLiteral(line)
    return lay_out("", call(f"from {module} import ", names))


def _order(name: str) -> tuple[int, str]:
    """Constants, classes, the rest."""
    return 0 if name.isupper() else 1 if name[:1].isupper() else 2, name

"""What annotations mean: shapes of datasets, printable names, compatibility, resolved signatures.

This package owns every look at a type hint; the compiler asks it and writes the answers into the
:class:`~synaflow_core.dag.Dag`, so that nobody asks again. One file per question:

* :mod:`~synaflow_core.hints.shape`: is it one value or many, and of what?
* :mod:`~synaflow_core.hints.names`: how is it printed?
* :mod:`~synaflow_core.hints.fit`: may this feed that?
* :mod:`~synaflow_core.hints.functions`: what does a callable ask for and return?

It never runs user code, except for evaluating annotations that are written as strings.
"""

from __future__ import annotations

from synaflow_core.hints.fit import accepts_anything, fits, is_subtype
from synaflow_core.hints.functions import (
    Complaint,
    Function,
    Parameter,
    is_async_callable,
    place_of,
    read_fields,
    read_function,
)
from synaflow_core.hints.names import pair_of_names, type_name
from synaflow_core.hints.shape import Kind, Shape, is_union, plain, shape_of, union_members

__all__ = [
    "Complaint",
    "Function",
    "Kind",
    "Parameter",
    "Shape",
    "accepts_anything",
    "fits",
    "is_async_callable",
    "is_subtype",
    "is_union",
    "pair_of_names",
    "place_of",
    "plain",
    "read_fields",
    "read_function",
    "shape_of",
    "type_name",
    "union_members",
]

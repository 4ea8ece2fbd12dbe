"""The self-describing form of a value, for what the typed form of JSON cannot bring back.

``nan``, tuples in untyped data, a dict with other keys than text, a time in a time zone, a union of
dataclasses, a value that is not of its annotated type: each is written as ``[tag, ...]``, scalars
of JSON as they are. Only built-in types and the classes that the annotation names are read back;
no class is ever looked up by a name from the data.
"""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import msgspec

from synaflow_core.handoff.codecs.fields import is_named_tuple, is_record, named_classes, state
from synaflow_core.handoff.codecs.leaves import TAG, UNTAG, NoTagError

Path = tuple[Any, ...]
"""Where a value is in its element: ``()``, or the parent's path and the step from the parent."""

_FACTORIES: dict[str, Any] = {
    factory.__name__: factory for factory in (int, float, str, bool, list, dict, set, tuple)
}


class Tagger:
    """Writes and reads the self-describing form of values annotated with one type."""

    def __init__(self, hint: Any) -> None:
        self._classes = named_classes(hint)
        self._names = {cls: name for name, cls in reversed(self._classes.items())}

    def tag(self, value: Any, path: Path = ()) -> Any:
        """The value as JSON.

        Raises:
            NoTagError: A part of it is of a type that could not be read back; tells where.
            RecursionError: It is nested too deep or holds itself.
        """
        cls = type(value)
        leaf = TAG.get(cls)
        if leaf is not None:
            try:
                return leaf(value)
            except NoTagError as problem:
                raise NoTagError(_text(path) + problem.path, problem.value) from None
        collect = _COLLECT.get(cls)
        if collect is not None:
            return collect(self, value, path)
        name = self._name_of(cls)
        if name is None:
            raise NoTagError(_text(path), value)
        if isinstance(value, enum.Flag):
            return ["flag", name, value.value]
        if isinstance(value, enum.Enum):
            return ["enum", name, value.name]
        if is_named_tuple(cls):
            items = zip(value._fields, value, strict=True)
            return ["namedtuple", name, *(self.tag(v, (path, f".{f}")) for f, v in items)]
        fields = state(value).items()
        return ["object", name, *([f, self.tag(v, (path, f".{f}"))] for f, v in fields)]

    def untag(self, node: Any) -> Any:
        """The value again.

        Raises:
            Exception: The node is not one that :meth:`tag` makes with the same type.
        """
        if not isinstance(node, list):
            return node
        kind, *rest = node
        leaf = UNTAG.get(kind)
        if leaf is not None:
            return leaf(*rest)
        build = _BUILD.get(kind)
        if build is not None:
            return build(self, rest)
        make = _MAKE[kind]
        return make(self, self._class_of(rest[0]), rest[1:])

    def items(self, value: Any, path: Path) -> list[Any]:
        """The elements of a sequence as JSON."""
        return [self.tag(item, (path, f"[{i}]")) for i, item in enumerate(value)]

    def unordered(self, value: Any, path: Path) -> list[Any]:
        """The elements of a set as JSON, in an order that is the same in all processes."""
        return sorted((self.tag(item, (path, " item")) for item in value), key=msgspec.json.encode)

    def pairs(self, value: Any, path: Path) -> list[Any]:
        """The entries of a mapping as JSON, in its order."""
        return [
            [self.tag(key, (path, " key")), self.tag(item, (path, f"[{_short(key)}]"))]
            for key, item in value.items()
        ]

    def defaultdict(self, value: Any, path: Path) -> list[Any]:
        """A defaultdict as JSON, with the name of its factory."""
        factory = value.default_factory
        name = None if factory is None else getattr(factory, "__name__", "")
        if name is not None and _FACTORIES.get(name) is not factory:
            raise NoTagError(f"{_text(path)}.default_factory", factory)
        return [name, *self.pairs(value, path)]

    def listed(self, nodes: list[Any]) -> list[Any]:
        """Elements again."""
        return [self.untag(node) for node in nodes]

    def mapped(self, nodes: list[Any]) -> dict[Any, Any]:
        """Entries again, as a dict."""
        return {self.untag(key): self.untag(item) for key, item in nodes}

    def record(self, cls: type[Any], nodes: list[Any]) -> Any:
        """A record with these attributes; its ``__init__`` ran when it was first made."""
        fields = {name: self.untag(node) for name, node in nodes}
        if issubclass(cls, msgspec.Struct):
            return cls(**fields)
        if not is_record(cls):
            raise ValueError(f"{cls.__qualname__} is not a record")
        made = object.__new__(cls)
        for name, value in fields.items():
            object.__setattr__(made, name, value)
        return made

    def _name_of(self, cls: type[Any]) -> str | None:
        """The name of a class that the annotation names, or of a subclass in the same module.

        ``B(A)`` fits ``A``; whoever has the annotation has imported A's module, so B is there too.
        """
        name = self._names.get(cls)
        if name is None and "<locals>" not in cls.__qualname__:
            bases = (base for base in self._names if issubclass(cls, base))
            if any(base.__module__ == cls.__module__ for base in bases):
                name = None if cls.__qualname__ in self._classes else cls.__qualname__
        return name

    def _class_of(self, name: str) -> type[Any]:
        found = self._classes.get(name)
        todo = list(self._names)
        while found is None and todo:
            base = todo.pop()
            for cls in type.__subclasses__(base):
                todo.append(cls)
                if cls.__qualname__ == name and cls.__module__ == base.__module__:
                    found = cls
        if found is None:
            raise ValueError(f"class {name!r} is not named by the type that is read")
        return found


_COLLECT: dict[type[Any], Callable[[Tagger, Any, Path], list[Any]]] = {
    list: lambda t, v, p: ["list", *t.items(v, p)],
    tuple: lambda t, v, p: ["tuple", *t.items(v, p)],
    deque: lambda t, v, p: ["deque", v.maxlen, *t.items(v, p)],
    set: lambda t, v, p: ["set", *t.unordered(v, p)],
    frozenset: lambda t, v, p: ["frozenset", *t.unordered(v, p)],
    dict: lambda t, v, p: ["dict", *t.pairs(v, p)],
    OrderedDict: lambda t, v, p: ["OrderedDict", *t.pairs(v, p)],
    Counter: lambda t, v, p: ["Counter", *t.pairs(v, p)],
    defaultdict: lambda t, v, p: ["defaultdict", *t.defaultdict(v, p)],
}
"""Exact type of a value with parts -> what writes it."""

_BUILD: dict[str, Callable[[Tagger, list[Any]], Any]] = {
    "list": lambda t, rest: t.listed(rest),
    "tuple": lambda t, rest: tuple(t.listed(rest)),
    "deque": lambda t, rest: deque(t.listed(rest[1:]), rest[0]),
    "set": lambda t, rest: set(t.listed(rest)),
    "frozenset": lambda t, rest: frozenset(t.listed(rest)),
    "dict": lambda t, rest: t.mapped(rest),
    "OrderedDict": lambda t, rest: OrderedDict(t.mapped(rest)),
    "Counter": lambda t, rest: Counter(t.mapped(rest)),
    "defaultdict": lambda t, rest: defaultdict(rest[0] and _FACTORIES[rest[0]], t.mapped(rest[1:])),
}
"""Tag of a value with parts -> what reads it."""

_MAKE: dict[str, Callable[[Tagger, Any, list[Any]], Any]] = {
    "enum": lambda t, cls, rest: cls[rest[0]],
    "flag": lambda t, cls, rest: cls(rest[0]),
    "namedtuple": lambda t, cls, rest: tuple.__new__(cls, t.listed(rest)),
    "object": lambda t, cls, rest: t.record(cls, rest),
}
"""Tag of a value of a class that the annotation names -> what reads it."""


def _short(key: Any) -> str:
    """A dict key in a path: what is not short text or a number is told by its type only."""
    return repr(key) if isinstance(key, str | int) and len(repr(key)) <= 40 else type(key).__name__


def _text(path: Path) -> str:
    steps = []
    while path:
        path, step = path
        steps.append(step)
    return "".join(reversed(steps))

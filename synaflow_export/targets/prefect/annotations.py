"""JSON Schema -> Python annotations as an engineer would write them on a Prefect flow.

``{"type": "integer", "minimum": 1}`` becomes ``Annotated[int, Field(ge=1)]``, an enum becomes a
``Literal``, an object with named fields a model. Prefect makes its form out of the annotation and
checks values against it; the worker checks them again, against the params class itself. So where a
schema says more than an annotation can (a pattern, a type that refers to itself), nothing is lost
by writing the wider type, and the form still gets the rule through ``json_schema_extra``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synaflow_export.params.form import FIELD_BOUNDS, resolved
from synaflow_export.targets.prefect.defaults import FORMATS, typed_default
from synaflow_export.text.prose import docstring_of, plain, sentence, wrapped
from synaflow_export.text.pylayout import LINE_LENGTH, Group, Node, call, lay_out, value, width
from synaflow_export.text.pyname import NameAllocator, PyLiteral, PyName

_SCALARS = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None"}
_OF_MODELS = frozenset(
    {"construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw"}
    | {"schema", "schema_json", "update_forward_refs", "validate"}
)
_SAID_ELSEWHERE = frozenset({"title", "description", "default", "examples"})


class ShortName(PyName):
    """A name of a length that leaves room for others on the same line."""

    __slots__ = ()
    max_length = 40


@dataclass
class Annotations:
    """Writes annotations, and remembers what they need.

    Attributes:
        definitions: The ``$defs`` of the schema.
        names: Gives names to models, long types and defaults.
        before: Statements that define them, each after those that it uses.
        imported: ``(module, name)`` of what has to be imported.
    """

    definitions: Mapping[str, Any]
    names: NameAllocator[ShortName]
    before: list[PyLiteral] = field(default_factory=list)
    imported: set[tuple[str, str]] = field(default_factory=set)
    _models: dict[str, ShortName] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def parameter(self, name: str, schema: Any, required: bool, *, room: int) -> PyLiteral:
        """``count: int = 3``, for a signature or a model.

        Args:
            name: The name to write.
            schema: Of its value.
            required: It has no default.
            room: Columns that it may take; what does not fit gets a name of its own.
        """
        annotation, default = self.of(schema), ""
        if required:
            pass
        elif not isinstance(schema, Mapping) or "default" not in schema:  # known on the worker only
            annotation, default = union([annotation, PyLiteral("None")]), " = None"
        else:
            written = typed_default(schema, schema["default"], self.imports)
            if written is None or width(_flat(written)) > room // 2:
                written = self._constant(name, schema["default"])
            default = f" = {_flat(written)}"
        if width(f"{name}: {_flat(annotation)}{default}") > room:
            annotation = self._define(f"{_camel(name)}Type", "", annotation)
        return PyLiteral(f"{name}: {_flat(annotation)}{default}")

    def of(self, schema: Any) -> Node:
        """The annotation for one schema."""
        if not isinstance(schema, Mapping):
            return self._any({})
        if "$ref" in schema:
            return self._reference(str(schema["$ref"]).rpartition("/")[2])
        for key, write in (("anyOf", self._union), ("enum", self._enum), ("const", self._enum)):
            if key in schema:
                return write(schema)
        kind = schema.get("type")
        if isinstance(kind, list):
            return union([self.of({**schema, "type": one}) for one in kind])
        writers = {"array": self._array, "object": self._object}
        return writers.get(str(kind), self._scalar)(schema)

    def imports(self, module: str, name: str) -> PyLiteral:
        """A name to write, which the file then imports."""
        self.imported.add((module, name))
        return PyLiteral(name)

    def _scalar(self, schema: Mapping[str, Any]) -> Node:
        kind = schema.get("type")
        if kind not in _SCALARS:
            return self._any(schema)
        special = FORMATS.get(str(schema.get("format"))) if kind == "string" else None
        if special is not None:
            base = self.imports(special.__module__, special.__name__)
            return self._limited(base, schema, {"type", "format"})
        return self._limited(PyLiteral(_SCALARS[kind]), schema, {"type"})

    def _union(self, schema: Mapping[str, Any]) -> Node:
        choices = schema["anyOf"]
        if not isinstance(choices, list) or not choices or _rules(schema) != {"anyOf"}:
            return self._any(schema)
        return union([self.of(choice) for choice in choices])

    def _enum(self, schema: Mapping[str, Any]) -> Node:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        if not _can_be_literal(values):
            return self._any(schema)
        self.imports("typing", "Literal")
        items = tuple(("", PyLiteral.of(item)) for item in values)
        return Group("Literal[", "]", items, comma=len(items) > 1)

    def _array(self, schema: Mapping[str, Any]) -> Node:
        prefix = schema.get("prefixItems")
        if isinstance(prefix, list) and prefix and schema.get("items") is False:
            items = tuple(("", self.of(item)) for item in prefix)
            return Group("tuple[", "]", items, comma=len(items) > 1)
        inner = self.of(schema["items"]) if "items" in schema else self._any({})
        base = Group("list[", "]", (("", inner),), comma=False)
        return self._limited(base, schema, {"type", "items", "uniqueItems"})

    def _object(self, schema: Mapping[str, Any]) -> Node:
        if schema.get("properties"):
            return self._limited(self._mapping({}), schema, {"type"})
        rules = {"type", "additionalProperties", "propertyNames"}
        return self._limited(self._mapping(schema.get("additionalProperties", {})), schema, rules)

    def _mapping(self, values: Any) -> Group:
        inner = ("", self.of(values) if isinstance(values, Mapping) else self._any({}))
        return Group("dict[", "]", (("", PyLiteral("str")), inner))

    def _reference(self, name: str) -> Node:
        target = self.definitions.get(name)
        if not isinstance(target, Mapping):
            return self._any({})
        if name in self._open:  # refers to itself: a form cannot show that anyway
            return self._any(
                {"type": target["type"]} if isinstance(target.get("type"), str) else {}
            )
        self._open.append(name)
        try:
            if not _can_be_model(target):
                return self.of(target)
            return PyLiteral(self._model(name, target))
        finally:
            self._open.pop()

    def _model(self, key: str, schema: Mapping[str, Any]) -> ShortName:
        """The name of the class for an object with named fields, which is written if need be."""
        if key in self._models:
            return self._models[key]
        name = self._models[key] = self.names.allocate(key, "model")
        required = schema.get("required", ())
        room = LINE_LENGTH - len("    ")
        fields = [
            f"    {self.parameter(field, rules, field in required, room=room)}"
            for field, rules in schema["properties"].items()
        ]
        doc = plain(str(schema.get("description") or ""))
        about = []
        if doc:
            lines = wrapped(sentence(doc), depth=1, first=3)
            about = [f"    {docstring_of(lines, depth=1)}", ""]
        base = self.imports("pydantic", "BaseModel")
        head = f'class {name}({base}, extra="forbid"):'
        self.before.append(PyLiteral("\n".join([*about, *fields]).join([f"{head}\n", ""])))
        return name

    def _constant(self, name: str, default: Any) -> PyLiteral:
        kind = self.imports("typing", "Any")
        return self._define(f"DEFAULT_{name.upper()}", f": {kind}", value(default))

    def _define(self, wanted: str, kind: str, node: Node) -> PyLiteral:
        name = self.names.allocate(wanted, f"constant {len(self.before)}")
        self.before.append(lay_out(f"{name}{kind} = ", node))
        return PyLiteral(name)

    def _limited(self, base: Node, schema: Mapping[str, Any], said: set[str]) -> Node:
        """The type with its bounds."""
        given: dict[str, Node | str] = {}
        extra = {}
        for rule, limit in schema.items():
            if rule in said or rule in _SAID_ELSEWHERE:
                continue
            if rule in FIELD_BOUNDS and _is_number(limit):
                given[FIELD_BOUNDS[rule]] = value(limit)
            else:
                extra[rule] = limit
        if extra:
            given["json_schema_extra"] = value(resolved(extra, self.definitions))
        if not given:
            return base
        self.imports("typing", "Annotated")
        self.imports("pydantic", "Field")
        items = (("", base), ("", call("Field", named=given)))
        return Group("Annotated[", "]", items)

    def _any(self, schema: Mapping[str, Any]) -> Node:
        return self._limited(self.imports("typing", "Any"), schema, set())


def union(choices: list[Node]) -> Node:
    """``A | B | None``: nothing twice, None at the end."""
    texts = list(dict.fromkeys(_flat(choice) for choice in choices))
    if len(texts) == 1:
        return choices[0]
    ordered = [text for text in texts if text != "None"] + [t for t in texts if t == "None"]
    return PyLiteral(" | ".join(ordered))


def _flat(node: Node) -> str:
    return node.flat() if isinstance(node, Group) else str(node)


def _camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _rules(schema: Mapping[str, Any]) -> set[str]:
    return set(schema) - _SAID_ELSEWHERE


def _can_be_literal(values: Any) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(item is None or isinstance(item, str | int | bool) for item in values)
    )


def _can_be_model(schema: Mapping[str, Any]) -> bool:
    fields = schema.get("properties")
    return (
        schema.get("type") == "object"
        and isinstance(fields, Mapping)
        and bool(fields)
        and _rules(schema) <= {"type", "properties", "required"}
        and all(_is_field_name(name) for name in fields)
    )


def _is_field_name(name: str) -> bool:
    taken = name in _OF_MODELS or name.startswith(("_", "model_"))
    return PyName.is_legal(name) and not taken


def _is_number(limit: Any) -> bool:
    return isinstance(limit, int | float) and not isinstance(limit, bool)

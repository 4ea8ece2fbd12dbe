"""Run parameters as one Dagster resource, so that the launchpad shows typed fields.

Dagster refuses many types that JSON Schema knows. They are lowered to what it takes and checked
when the resource is made: a date is text that :data:`IsoDate` reads, a choice that may be empty is
text with :func:`one_of`. The worker checks every value again, against the params class itself.

What a field looks like to a form is decided in :mod:`synaflow_export.params.form`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from synaflow_export.params.form import FIELD_BOUNDS, forms, required_params
from synaflow_export.targets.dagster.fields import field_names
from synaflow_export.text.prose import docstring_of, plain, sentence, wrapped
from synaflow_export.text.pylayout import Group, Node, Prose, call, lay_out, value
from synaflow_export.text.pyname import PyLiteral, PyName
from synaflow_export.text.wires import Wires

_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}

_FORMATS = {
    "date": "IsoDate",
    "date-time": "IsoDateTime",
    "time": "IsoTime",
    "duration": "IsoDuration",
    "decimal": "DecimalText",
    "uuid": "UuidText",
}


_IN_ANNOTATIONS = frozenset(
    {"Annotated", "Any", "Field", "Literal", "dict", "list", "matching", "one_of"}
    | {*_PLAIN.values(), *_FORMATS.values()}
)  # a field of such a name would stand in for it further down in the class

_LONGEST_ANNOTATION = 36


@dataclass(frozen=True)
class ParamsClass:
    """One class, ready to paste.

    Attributes:
        name: Its name.
        base: Its base class.
        doc: Its docstring.
        fields: Its fields, in order.
    """

    name: str
    base: str
    doc: PyLiteral
    fields: tuple[PyLiteral, ...]


@dataclass
class ParamsCode:
    """The params of a pipeline as code.

    Attributes:
        name: Name of the resource's class.
        required: Some field has no default: its value must be given when a run is launched.
        aliases: Lines that name long choices.
        classes: Classes in the order of their definition, the resource's last.
        typing: Names that the code needs from ``typing``.
        pydantic: Names that it needs from ``pydantic``.
        ours: Names that it needs from our runtime module.
    """

    name: str
    required: bool = False
    aliases: list[PyLiteral] = field(default_factory=list)
    classes: list[ParamsClass] = field(default_factory=list)
    typing: set[str] = field(default_factory=set)
    pydantic: set[str] = field(default_factory=set)
    ours: set[str] = field(default_factory=set)


def params_code(schema: Mapping[str, Any], resource: str, wires: Wires) -> ParamsCode:
    """Write the params.

    Args:
        schema: The contract's ``params_schema``.
        resource: Key of the resource, for the docstring.
        wires: Gives names to classes.
    """
    name = wires.name(f"{_camel(resource)}", "params class")
    code = ParamsCode(name, required=bool(required_params(schema)))
    told = sentence(str(schema.get("description", ""))) or "The params of a run."
    about = wrapped(told, depth=1, first=3)
    where = f"In the launchpad: resources, {resource}, config."
    fields = forms(schema)
    writer = _Writer(code, wires)
    code.classes.append(
        ParamsClass(
            name,
            "dg.ConfigurableResource",
            docstring_of([*about, "", *wrapped(where, depth=1)], depth=1),
            tuple(writer.fields(fields, set(required_params(schema)))),
        )
    )
    return code


class _Writer:
    """Writes fields, and collects in ``code`` what they need."""

    def __init__(self, code: ParamsCode, wires: Wires) -> None:
        self._code = code
        self._wires = wires

    def fields(
        self, fields: Mapping[str, Mapping[str, Any]], required: set[str]
    ) -> Iterator[PyLiteral]:
        names = field_names(fields, {*_IN_ANNOTATIONS, *map(_camel, fields)})
        for name, form in fields.items():
            yield self._field(name, names[name], form, name in required)

    def _field(
        self, name: str, attribute: str, form: Mapping[str, Any], required: bool
    ) -> PyLiteral:
        annotation = self._type(form, name)
        rules: dict[str, Node | str] = {}
        if attribute != name:
            rules["alias"] = value(name)
        if annotation != "Any":
            rules |= {FIELD_BOUNDS[key]: value(form[key]) for key in form if key in FIELD_BOUNDS}
        if form.get("description"):
            rules["description"] = Prose(plain(str(form["description"])))
        default = None if required else value(form.get("default"))
        if not required and form.get("default") is None and not _nullable(form):
            annotation = _optional(annotation)  # a default that only the params class can make
        lead = f"{attribute}: {annotation}"
        if rules:
            self._code.pydantic.add("Field")
            given = {"default": default, **rules} if default is not None else rules
            return lay_out(f"{lead} = ", call("Field", named=given), depth=1)
        if default is None:
            return lay_out(lead, PyLiteral(""), depth=1)
        return lay_out(f"{lead} = ", default, depth=1)

    def _type(self, form: Mapping[str, Any], name: str) -> str:
        """The annotation of a field."""
        if "enum" in form:
            return self._choice(form["enum"], form.get("type"), name)
        kind = form.get("type")
        types = [kind] if isinstance(kind, str) else list(kind or ())
        some = [one for one in types if one != "null"]
        if len(some) != 1:
            return self._any()
        found = self._one_type(some[0], form, name)
        return found if len(types) == 1 else _optional(found)

    def _one_type(self, kind: str, form: Mapping[str, Any], name: str) -> str:
        if kind == "string":
            return self._text(form, name)
        if kind == "array":
            items = form.get("items")
            if isinstance(items, Mapping) and "prefixItems" not in form:
                return f"list[{self._item(items, name)}]"
            return f"list[{self._any()}]"
        if kind == "object":
            return self._object(form, name)
        return _PLAIN.get(kind) or self._any()

    def _text(self, form: Mapping[str, Any], name: str) -> str:
        if form.get("format") in _FORMATS:
            return self._ours(_FORMATS[form["format"]])
        if "pattern" in form:
            rule = call(self._ours("matching"), [value(str(form["pattern"]))])
            return self._checked(name, "str", rule)
        return "str"

    def _item(self, form: Mapping[str, Any], name: str) -> str:
        """The annotation of an element: Dagster takes no choices and no None there."""
        kind = form.get("type")
        if "enum" in form and isinstance(kind, str) and kind in _PLAIN:
            return _PLAIN[kind]
        return self._type(form, name) if isinstance(kind, str) else self._any()

    def _object(self, form: Mapping[str, Any], name: str) -> str:
        properties = form.get("properties")
        if properties:
            return self._nested(form, properties, name)
        more = form.get("additionalProperties")
        item = self._item(more, name) if isinstance(more, Mapping) and more else self._any()
        return f"dict[str, {item}]"

    def _nested(self, form: Mapping[str, Any], properties: Mapping[str, Any], name: str) -> str:
        class_name = self._wires.name(_camel(name), f"class of {name}")
        about = sentence(str(form.get("description", ""))) or f"One value of `{plain(name)}`."
        fields = tuple(self.fields(properties, set(form.get("required", ()))))
        doc = docstring_of(wrapped(about, depth=1, first=3), depth=1)
        self._code.classes.append(ParamsClass(class_name, "dg.Config", doc, fields))
        return class_name

    def _choice(self, choices: list[Any], kind: Any, name: str) -> str:
        written = tuple(("", value(choice)) for choice in choices)
        if kind == "string" and all(isinstance(choice, str) for choice in choices):
            literal = self._typing("Literal")
            return self._named(name, Group(f"{literal}[", "]", written, comma=len(written) > 1))
        types = [kind] if isinstance(kind, str) else [one for one in kind or () if one != "null"]
        known = _PLAIN.get(types[0]) if len(types) == 1 else None
        base = known or self._any()
        if known and None in choices:
            base = _optional(base)
        return self._checked(name, base, Group(f"{self._ours('one_of')}(", ")", written))

    def _checked(self, name: str, base: str, rule: Node) -> str:
        annotated = self._typing("Annotated")
        return self._named(name, Group(f"{annotated}[", "]", (("", PyLiteral(base)), ("", rule))))

    def _named(self, name: str, annotation: Group) -> str:
        """The annotation, or the name of its own that a long one gets."""
        if len(annotation.flat()) <= _LONGEST_ANNOTATION:
            return annotation.flat()
        alias = self._wires.name(_camel(name), f"choice of {name}")
        self._code.aliases.append(lay_out(f"{alias} = ", annotation))
        return alias

    def _any(self) -> str:
        return self._typing("Any")

    def _typing(self, name: str) -> str:
        self._code.typing.add(name)
        return name

    def _ours(self, name: str) -> str:
        self._code.ours.add(name)
        return name


def _nullable(form: Mapping[str, Any]) -> bool:
    kind = form.get("type")
    return kind is None or kind == "null" or (isinstance(kind, list) and "null" in kind)


def _optional(annotation: str) -> str:
    return (
        annotation if annotation == "Any" or annotation.endswith("None") else f"{annotation} | None"
    )


def _camel(text: str) -> str:
    """``orders_params`` -> ``OrdersParams``."""
    words = PyName.of(text, "params").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words) or "Params"

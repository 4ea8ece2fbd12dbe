"""Names of the fields of a params class: a param keeps its own wherever the base classes let it.

A field of another name has the param's as its alias: the launchpad shows what the user declared.
"""

from __future__ import annotations

from collections.abc import Iterable

from synaflow_export.text.pyname import NameAllocator, PyName

_OF_PYDANTIC = """
    construct copy dict fields from_orm json parse_file parse_obj parse_raw schema schema_json
    update_forward_refs validate
"""
_OF_DAGSTER = """
    configure_at_launch create_resource ensure_set_up_dagster_context from_resource_context
    from_resource_context_cm get_object_to_set_on_execution_context get_resource_context
    get_resource_definition nested_partial_resources nested_resources
    process_config_and_initialize process_config_and_initialize_cm required_resource_keys
    setup_for_execution teardown_after_execution with_replaced_resource_context
    with_resource_context with_updated_resource_context yield_for_execution
"""
_TAKEN = frozenset(f"{_OF_PYDANTIC} {_OF_DAGSTER}".split())
"""What the base classes have: a field must not hide it."""


def field_names(params: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Param -> name of its field.

    Args:
        params: Names of the params, or of the fields of a nested value.
        taken: What the class body refers to.
    """
    names = NameAllocator(_Field, {*_TAKEN, *taken}, "field").allocate_all(params)
    return {param: str(name) for param, name in names.items()}


class _Field(PyName):
    """A field of a pydantic model: these must not begin with an underscore, or with ``model_``."""

    __slots__ = ()
    max_length = 40

    @classmethod
    def is_legal(cls, text: str) -> bool:
        """Whether a field may have this name."""
        return super().is_legal(text) and not text.startswith(("_", "model_"))

    @classmethod
    def _clean(cls, text: str) -> str:
        cleaned = super()._clean(text).lstrip("_")
        fits = cleaned[:1].isalpha() and not cleaned.startswith("model_")
        return cleaned if fits else f"param_{cleaned}"

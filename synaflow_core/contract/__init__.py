"""The contract: the frozen JSON document that stands between the compiler and everybody else.

``contract_of(dag)`` writes it, ``Contract.from_json`` reads and checks it, and nobody re-infers
what it says. One file per concept: :mod:`.model` (fields and their meaning), :mod:`.build`
(Dag -> contract), :mod:`.digest` (fingerprint), :mod:`.code_digest` (of a function; its tree comes
from :mod:`.syntax`), :mod:`.codecs` (which codec stores a type), :mod:`.elements` (types that can
be stored as JSON), :mod:`.params_fields`, :mod:`.params_schema` and :mod:`.params` (run
parameters), :mod:`.reading`, :mod:`.rules` and :mod:`.schema_rules` (JSON -> contract).

This package imports msgspec; ``import synaflow_core`` must not import it eagerly.
"""

from __future__ import annotations

from synaflow_core.contract.build import contract_of
from synaflow_core.contract.code_digest import code_digest
from synaflow_core.contract.codecs import codec_of
from synaflow_core.contract.digest import fingerprint_of, steps_digest
from synaflow_core.contract.elements import element_schema
from synaflow_core.contract.model import (
    CONTRACT_VERSION,
    Contract,
    ObserverContract,
    Source,
    StepContract,
)
from synaflow_core.contract.params import params_from_json, params_to_json
from synaflow_core.contract.params_schema import params_schema

__all__ = [
    "CONTRACT_VERSION",
    "Contract",
    "ObserverContract",
    "Source",
    "StepContract",
    "code_digest",
    "codec_of",
    "contract_of",
    "element_schema",
    "fingerprint_of",
    "params_from_json",
    "params_schema",
    "params_to_json",
    "steps_digest",
]

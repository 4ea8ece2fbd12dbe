"""How datasets get from asset to asset: a small file with a reference, and the data where it is.

Every materialisation writes its reference twice, below ``.dagster`` in the handoff store: under
the run, so that the steps of one run read what this run made even while another run is at work,
and as the latest, for everybody else. What an asset gets depends on the annotation of its
argument; see :mod:`.loading`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from synaflow_core.errors import HandoffError
from synaflow_core.handoff import DatasetRef

if TYPE_CHECKING:
    from synaflow_core.handoff import HandoffStore
    from synaflow_core.handoff.folder import Folder

_LATEST = "latest.json"
_VALUE = "value.json"
_PARTITION = "partition="


class ReferenceIOManager(dg.IOManager):  # type: ignore[misc]  # its types are not looked at
    """Stores references to datasets, and loads what they refer to.

    Args:
        folder: Of the export.
        store: URL of the handoff store that the file names, if any.
    """

    def __init__(self, folder: Path, store: str | None) -> None:
        self._folder = folder
        self._store_url = store

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write the reference of a dataset; None: the run did not produce it.

        What the ops of an asset hand to each other is any JSON, and is kept as that.

        Raises:
            HandoffError: It is no reference, or the store failed.
        """
        from synaflow_export.runtime.running import returned

        if not context.has_asset_key:
            (place,) = self._places(context)
            place.publish(_VALUE, json.dumps(obj).encode(), f"{secrets.token_hex(8)}.tmp")
            return
        if obj is not None and not isinstance(obj, DatasetRef):
            raise HandoffError(
                f"this IO manager keeps references to datasets, and was given a "
                f"{type(obj).__name__}\n    -> give the asset an io_manager_key of its own"
            )
        dataset = context.definition_metadata.get("synaflow/dataset", "")
        document = json.dumps({**returned(obj), "dataset": dataset}).encode()
        run_id: str = context.run_id
        for place in self._places(context):
            place.publish(f"{run_id}.json", document, f"{secrets.token_hex(8)}.tmp")
            if obj is not None:
                place.publish(_LATEST, document, f"{secrets.token_hex(8)}.tmp")

    def load_input(self, context: dg.InputContext) -> Any:
        """The dataset in the form that the annotation of the argument asks for.

        Raises:
            HandoffError: It was never produced, or cannot be had in that form.
        """
        from synaflow_export.runtime.dagster.loading import load

        if not context.has_asset_key:
            (place,) = self._places(context)
            return json.loads(self._found(place, (_VALUE,), context))
        wanted = context.dagster_type.typing_type
        store = self._store(context.step_context.instance)
        found = [
            load(self._reference(place, context), wanted, self._folder, store)
            for place in self._places(context)
        ]
        if context.has_asset_key and context.has_asset_partitions and len(found) != 1:
            return dict(zip(context.asset_partition_keys, found, strict=True))
        return found[0]

    def forget(
        self, key: dg.AssetKey, run_id: str, datasets: Collection[str], instance: dg.DagsterInstance
    ) -> bool:
        """Remove the reference that a run left for an asset, if it is of one of some datasets.

        Args:
            key: Of the asset.
            run_id: Of the run; what another one wrote later stays the latest.
            datasets: Names.
            instance: Dagster's.

        Returns:
            Whether there was one.

        Raises:
            HandoffError: The store failed.
        """
        from synaflow_core.handoff.folders import open_folder

        asset = open_folder(self._asset(key, instance))
        own, gone = f"{run_id}.json", False
        for place in ("", *(f"{n}/" for n in asset.folders("") if n.startswith(_PARTITION))):
            document = asset.read(f"{place}{own}")
            if document is None or json.loads(document)["dataset"] not in datasets:
                continue
            latest = asset.read(f"{place}{_LATEST}") == document
            asset.delete([f"{place}{own}", *([f"{place}{_LATEST}"] if latest else [])])
            gone = True
        return gone

    def _reference(self, place: Folder, context: dg.InputContext) -> dict[str, Any]:
        """What this run wrote, else what was written last."""
        names = (f"{context.step_context.run_id}.json", _LATEST)
        reference: dict[str, Any] = json.loads(self._found(place, names, context))
        return reference

    def _found(self, place: Folder, names: tuple[str, ...], context: dg.InputContext) -> bytes:
        for name in names:
            if document := place.read(name):
                return document
        what = context.asset_key.to_user_string() if context.has_asset_key else context.name
        raise HandoffError(
            f"there is no reference of {what} in {place.url}: it was never materialised with "
            "this store, or its last run was rolled back\n    -> materialise it, then this"
        )

    def _places(self, context: dg.OutputContext | dg.InputContext) -> Iterator[Folder]:
        """Where the references of an asset are, one place per partition."""
        from synaflow_core.handoff.folders import open_folder
        from synaflow_core.handoff.places import segment_of

        instance = context.step_context.instance
        if not context.has_asset_key:
            yield open_folder(self._below(context.get_identifier(), instance))
            return
        asset = self._asset(context.asset_key, instance)
        if not context.has_asset_partitions:
            yield open_folder(asset)
            return
        for partition in context.asset_partition_keys:
            yield open_folder(f"{asset}/{_PARTITION}{segment_of(partition)}")

    def _asset(self, key: dg.AssetKey, instance: dg.DagsterInstance) -> str:
        return self._below(key.path, instance)

    def _below(self, names: Iterable[str], instance: dg.DagsterInstance) -> str:
        from synaflow_core.handoff.places import segment_of

        return "/".join((self._store(instance).url, ".dagster", *map(segment_of, names)))

    def _store(self, instance: dg.DagsterInstance) -> HandoffStore:
        from synaflow_export.runtime.exported import Exported
        from synaflow_export.runtime.storage import open_store

        home = Path(instance.root_directory)
        pickled = Exported(self._folder).allow_pickle
        return open_store(self._store_url, home, allow_pickle=pickled, log=None)

"""Exports: a data set as one file that `datasets.load_dataset` and TRL take unchanged."""

from __future__ import annotations

import uuid
from pathlib import Path

import msgspec

from rlhf_tui.dataset.build import FileFormat, building
from rlhf_tui.dataset.empty import nothing
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.store.database import Store


class ExportFile(msgspec.Struct, frozen=True):
    path: Path
    rows: int
    note: str
    """What is in it, and what was left out and why."""


def write_export(
    store: Store, spec: DatasetSpec, format: FileFormat, directory: Path
) -> ExportFile:
    """Write a data set to a new file in `directory`; its name is new each time.

    Raises:
        NothingToDo: it has no rows.
        InputError: text and messages would be mixed.
        StoreFull: the disk is full.
        HubError: the file cannot be written.
    """
    path = directory / f"{spec.kind}-{uuid.uuid4().hex[:12]}.{format}"
    with building(store, spec) as build:
        if not build.total:
            raise nothing(spec, build.notes)
        rows = build.write(path, format)
        return ExportFile(path, rows, " ".join(build.notes))

"""Files in and out of a workspace through its hub: what commands and the demo share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from rlhf_tui.config.settings import LabelSettings
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.formats.base import Records
from rlhf_tui.formats.known_answers import KnownAnswers
from rlhf_tui.formats.reading import Reading, Reject, read, write_rejects
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Chunk, ChunkAnswer, Counts, Export, Exported, Ingest, Ingested
from rlhf_tui.records import Split
from rlhf_tui.workspace import Workspace

ExportFormat = Literal["parquet", "jsonl"]
SUFFIXES: dict[str, ExportFormat] = {".parquet": "parquet", ".jsonl": "jsonl"}


class Imported(msgspec.Struct):
    """What became of a file."""

    path: str
    format: str
    rows: int
    """Rows taken, new or known."""
    added: Counts
    duplicates: Counts
    rejected: int
    rejects: str = ""
    """The file that lists the rejected rows; empty when there are none."""
    unread: list[str] = []
    """Columns that the format has no use for."""
    gold: int = 0
    """Items with a known answer from the file."""


def import_file(
    client: HubClient,
    path: Path,
    *,
    label: LabelSettings,
    format: str = "auto",
    annotator: str | None = None,
    split: Split | None = None,
    gold: bool = False,
    judged_overlap: int = 1,
    on_rows: Callable[[int], None] = lambda _rows: None,
) -> Imported:
    """Bring a file into the workspace; repeats of what is there add nothing.

    Args:
        annotator: whose judgements the file's preferences are; None: a name made of the file's.
        split: force it on the file's new prompts; None: by hash.
        gold: the file's judgements are known answers, and nobody's.
        judged_overlap: judgements wanted of what the file holds a judgement of, that one counted.
        on_rows: called with the count of rows taken, after each batch.

    Raises:
        InputError: the file cannot be read, none of its rows can be taken, or it holds no
            judgement that could be a known answer.
        RlhfError: the hub refused.
    """
    reading = read(
        path,
        format,
        annotator,
        overlap=label.overlap,
        thumbs_overlap=label.thumbs_overlap,
        judged_overlap=judged_overlap,
    )
    answers = KnownAnswers() if gold else None
    added, duplicates = _send(client, reading, split, answers, on_rows)
    rejects = ""
    if reading.rejects:
        rejects = str(keep_rejects(client.workspace, path, reading.rejects))
    if not reading.rows:
        first = reading.rejects[0]
        raise InputError(
            f"No row of {path} can be taken as {reading.format.name}; "
            f"line {first.line}: {first.reason}.",
            hint=f"All reasons are in {rejects}.",
        )
    if answers is not None and not answers:
        raise InputError(
            f"{path} ({reading.format.name}) holds no ranking, preference or thumb that could be a"
            " known answer; nothing of it was taken.",
            hint="Take it without --gold.",
        )
    return Imported(
        path=str(path),
        format=reading.format.name,
        rows=reading.rows,
        added=added,
        duplicates=duplicates,
        rejected=len(reading.rejects),
        rejects=rejects,
        unread=reading.unread,
        gold=len(answers) if answers is not None else 0,
    )


def _send(
    client: HubClient,
    reading: Reading,
    split: Split | None,
    answers: KnownAnswers | None,
    on_rows: Callable[[int], None],
) -> tuple[Counts, Counts]:
    """Hand a file's batches to the hub; what they added, and what was there already."""
    added, duplicates = Counts(), Counts()
    for batch in reading.batches() if answers is None else _with_answers(reading, answers):
        answer = client.call(
            Ingest(
                prompts=batch.prompts,
                completions=batch.completions,
                tasks=batch.tasks,
                events=batch.events,
                annotators=batch.annotators,
                # A file of our own says which split its prompts were in.
                split=split or batch.split,
                gold=answers is not None,
            ),
            Ingested,
        )
        added, duplicates = total(added, answer.added), total(duplicates, answer.duplicates)
        on_rows(reading.rows)
    return added, duplicates


def _with_answers(reading: Reading, answers: KnownAnswers) -> Iterator[Records]:
    """Batches with known answers for judgements; none at all of a file that has no judgement."""
    waiting: list[Records] = []
    for batch in reading.batches():
        waiting.append(answers.of(batch))
        if answers:
            yield from waiting
            waiting.clear()


def total(one: Counts, other: Counts) -> Counts:
    return Counts(
        **{name: getattr(one, name) + getattr(other, name) for name in Counts.__struct_fields__}
    )


def keep_rejects(workspace: Workspace, path: Path, rejects: list[Reject]) -> Path:
    """Write a file's rejected rows into the workspace's imports/; returns where."""
    workspace.imports.mkdir(exist_ok=True)
    stem = "".join(c if c.isprintable() else "_" for c in path.name)[:80]
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{stem}.rejects.jsonl"
    target = workspace.imports / name
    write_rejects(target, rejects)
    return target


def save_export(client: HubClient, spec: DatasetSpec, path: Path) -> Exported:
    """Write a data set to a file, by its suffix as Parquet or JSON Lines.

    Raises:
        UsageError: another suffix, or the file cannot be written there.
        NothingToDo: there is nothing to export.
    """
    with written_whole(path) as file:
        return stream_export(client, spec, format_of(path), file)


def format_of(path: Path) -> ExportFormat:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path} ends in neither .parquet nor .jsonl.", hint="Name it so.")
    return SUFFIXES[suffix]


def stream_export(
    client: HubClient, spec: DatasetSpec, format: ExportFormat, file: BinaryIO
) -> Exported:
    """Have the hub make an export and write it into an open file.

    Raises:
        NothingToDo: there is nothing to export.
    """
    made = client.call(Export(spec=spec, format=format), Exported)
    offset = 0
    while True:
        answer = client.call(Chunk(export_id=made.export_id, offset=offset), ChunkAnswer)
        file.write(answer.data)
        offset += len(answer.data)
        if answer.last:
            return made


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when all of it is on disk.

    Raises:
        UsageError: the file cannot be written there.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory.", hint="Name a file in it.")
    part = path.with_name(f"{path.name}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise UsageError(f"Cannot write {part}: {error.strerror}.") from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

"""Import a file: batches of records to send to the hub, and the rows that could not be taken."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.formats.base import BadRow, Format, Import, Records
from rlhf_tui.formats.containers import rows
from rlhf_tui.formats.detect import by_name, detect
from rlhf_tui.formats.registry import FORMATS
from rlhf_tui.formats.source import Item
from rlhf_tui.records import Annotator, Split

BATCH_ROWS = 500
BATCH_BYTES = 8 * 1024 * 1024
"""A batch ends with the row that passes it: far below what a frame of the socket may hold."""
SAMPLE_ROWS = 100
SAMPLE_BYTES = 8 * 1024 * 1024
LONGEST_STEM = 50
"""Characters of a file's name in an annotator's, which may not grow without bounds."""

RECORDS = {
    "prompts": "prompt_id",
    "completions": "completion_id",
    "tasks": "task_id",
    "events": "event_id",
    "annotators": "name",
}
"""The lists of a batch, and what tells their records apart."""

R = TypeVar("R")


class Reject(msgspec.Struct, frozen=True):
    """A row that was not taken."""

    line: int
    """Line of the file; in Parquet and JSON arrays the row's number. From 1."""
    reason: str


@dataclass
class Batch(Records):
    """Records of up to BATCH_ROWS rows, each once; the fields are those of messages.Ingest."""

    rows: int = 0
    size: int = 0
    """Bytes, about."""


@dataclass
class Reading:
    """A file being imported. Go over `batches()` once; then `rejects` and `rows` are whole."""

    path: Path
    format: Format
    context: Import
    unread: list[str]
    """Columns of the first rows that the format has no use for."""
    items: Iterator[Item]
    rows: int = 0
    """Rows taken so far."""
    rejects: list[Reject] = field(default_factory=list)

    def batches(self) -> Iterator[Batch]:
        """The records, each batch of one split.

        What belongs to one prompt stays in the order of the file; splits may overtake each other.
        """
        open_batches: dict[Split | None, Batch] = {}
        for item in self.items:
            records = self._convert(item)
            if records is None:
                continue
            batch = open_batches.setdefault(records.split, Batch(split=records.split))
            for name in RECORDS:
                getattr(batch, name).extend(getattr(records, name))
            batch.rows += 1
            batch.size += item.size
            if batch.rows >= BATCH_ROWS or batch.size >= BATCH_BYTES:
                yield self._ended(open_batches.pop(records.split))
        for batch in open_batches.values():
            yield self._ended(batch)

    def _convert(self, item: Item) -> Records | None:
        if item.row is None:
            self.rejects.append(Reject(item.line, item.problem))
            return None
        missing = sorted(c for c in self.format.required if item.row.get(c) is None)
        try:
            if missing:
                raise BadRow(f"no {', '.join(missing)}")
            return self.format.convert(item.row, self.context)
        except BadRow as error:
            self.rejects.append(Reject(item.line, str(error)))
            return None

    def _ended(self, batch: Batch) -> Batch:
        self.rows += batch.rows
        for name, key in RECORDS.items():
            setattr(batch, name, _each_once(getattr(batch, name), key))
        return batch


def _each_once(records: list[R], key: str) -> list[R]:
    """Without repeats; of equal ids the first counts, as it does over two batches."""
    kept: dict[str, R] = {}
    for record in records:
        kept.setdefault(getattr(record, key), record)
    return list(kept.values())


def annotator_of(path: Path) -> str:
    """The name that judgements of a file are entered under: `import:` and the file's name."""
    stem = path.name.removesuffix(".gz")
    stem = stem.rpartition(".")[0] or stem
    printable = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in stem)
    return f"import:{printable[:LONGEST_STEM]}".rstrip()


def read(
    path: Path,
    format: str = "auto",
    annotator: str | None = None,
    *,
    overlap: int = 1,
    thumbs_overlap: int = 1,
    judged_overlap: int = 1,
    formats: Sequence[Format] = FORMATS,
) -> Reading:
    """Open a file for import and find out its format; what is wrong with rows shows later.

    Args:
        format: a format's name, or auto to tell it from the columns.
        annotator: whose judgements the preferences are; None: a name made of the file's.
        overlap, thumbs_overlap: judgements wanted of completions that the file brings
            without any.
        judged_overlap: judgements wanted of what it brings a judgement of, that one counted.

    Raises:
        InputError: the file cannot be read, is empty, or its format is unknown or ambiguous.
        UsageError: there is no format of that name.
    """
    chosen = None if format == "auto" else by_name(format, formats)
    items = rows(path)
    first = _sample(items)
    found = [item.row for item in first if item.row is not None]
    if not first:
        raise InputError(f"{path} has no rows.")
    if not found:
        raise InputError(
            f"No row of {path} can be read; line {first[0].line}: {first[0].problem}.",
            hint="JSON Lines want one whole JSON object a line.",
        )
    if chosen is None:
        chosen = detect(str(path), found, formats)
    unread = sorted({name for row in found for name in row} - chosen.required - chosen.optional)
    who = Annotator(annotator if annotator is not None else annotator_of(path))
    context = Import(path.name, who, overlap, thumbs_overlap, judged_overlap)
    return Reading(path, chosen, context, unread, itertools.chain(first, items))


def _sample(items: Iterator[Item]) -> list[Item]:
    """The first rows, which tell the format."""
    sample: list[Item] = []
    size = 0
    for item in items:
        sample.append(item)
        size += item.size
        if len(sample) >= SAMPLE_ROWS or size >= SAMPLE_BYTES:
            break
    return sample


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Write rejected rows as JSON Lines: line, reason."""
    with path.open("wb") as file:
        file.writelines(msgspec.json.encode(reject) + b"\n" for reject in rejects)

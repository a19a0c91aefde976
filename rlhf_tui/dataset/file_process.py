"""A file to the snapshot of a run, as a program: `python -m rlhf_tui.dataset.file_process DIR`.

Reads `request.json` in the directory, keeps its temporary store there, and prints the outcome.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.config.options import OPTIONS, TRAINERS, EvaluateOptions, Options
from rlhf_tui.config.settings import WorkspaceSettings
from rlhf_tui.counting import count
from rlhf_tui.dataset.build import building
from rlhf_tui.dataset.from_file import REQUEST, Outcome, Request
from rlhf_tui.dataset.notes import listed
from rlhf_tui.dataset.snapshot import MANIFEST, Manifest, SourceFile, data_of, write_snapshot
from rlhf_tui.dataset.spec import DatasetKind, DatasetSpec
from rlhf_tui.errors import InputError, NothingToDo, RlhfError
from rlhf_tui.evaluation.worker_process import told
from rlhf_tui.formats.base import Records
from rlhf_tui.formats.reading import RECORDS, Batch, Reading, read, write_rejects
from rlhf_tui.records import SPLITS, Prompt, Split, split_of
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.reading import Progress, tell
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import ingest

REJECTS = "rejects.jsonl"
"""In the run's data set: line and reason of each row that was not taken."""
ROWS_AT_ONCE = 20_000
BYTES_AT_ONCE = 64 * 1024 * 1024
"""A transaction looks through what is there for repeats: few large ones are quick."""
TELL_S = 0.5
MEMORY_LIMIT = "1GB"
"""The hub's own store and a training run may be at work beside it."""
MOST_REASONS = 3
"""Rejected rows that the sentence about a file names when none was taken."""

NEEDS: dict[DatasetKind, tuple[str, str, tuple[str, ...]]] = {
    "preference": ("preference pair", "preference pairs", ("rm", "dpo")),
    "unpaired-preference": ("thumb", "thumbs", ("kto",)),
    "prompt-completion": ("demonstration", "demonstrations", ("sft",)),
    "prompt-only": ("prompt", "prompts", ("ppo", "rloo", "grpo")),
}
"""What each kind of data is called, and the trainers that learn from it."""


def make(scratch: Path, request: Request) -> Outcome:
    """Read the file into a store, and pick the snapshot from that.

    Raises:
        RlhfError: as `from_file.snapshot_from_file`.
    """
    options = msgspec.convert(request.options, OPTIONS[request.kind])
    path = Path(request.options["dataset"])
    reading = read(path, request.options["dataset_format"])
    digest = _sha256(path)
    with Store(scratch / "store.duckdb", scratch / "lock", memory_limit=MEMORY_LIMIT) as store:
        whole = _whole(options, digest)
        _take_in(store, reading, request.rules, scratch, whole)
        if not reading.rows:
            raise _nothing_taken(reading)
        found = _check_rows(store, reading, request.kind, options)
        directory = Path(request.directory)
        source = SourceFile(
            path=str(path),
            sha256=digest,
            format=reading.format.name,
            rows=reading.rows,
            rejected=len(reading.rejects),
        )
        tested = found.get("test", 0) if request.kind in TRAINERS else 0
        notes = [*_notes(reading, directory, tested), *_measured(options, whole)]
        manifest = write_snapshot(
            store, request.kind, options, directory, source=source, source_notes=notes
        )
    if reading.rejects:
        write_rejects(directory / REJECTS, reading.rejects)
        (directory / REJECTS).chmod(0o444)
    return Outcome(manifest)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole(options: Options, digest: str) -> Split | None:
    """The split that all rows of a file are held out as, to measure a model on.

    A file that the model was trained on is split as it was then, for it has seen the rest.
    """
    if not isinstance(options, EvaluateOptions):
        return None
    for directory in list(Path(options.model).parents)[:2]:
        learnt = layout.read(directory / layout.DATASET / MANIFEST, Manifest)
        if learnt is not None and learnt.source is not None and learnt.source.sha256 == digest:
            return None
    return options.split


def _measured(options: Options, whole: Split | None) -> list[str]:
    if not isinstance(options, EvaluateOptions):
        return []
    if whole is None:
        return [f"The model was trained on this file: only its {options.split} split is measured."]
    return ["All rows of the file are measured; the model should not have learnt from them."]


def _take_in(
    store: Store,
    reading: Reading,
    rules: WorkspaceSettings,
    scratch: Path,
    whole: Split | None,
) -> None:
    """Store the file's records, each prompt in the split of the workspace's rule.

    Args:
        whole: put all prompts into this split instead.
    """
    told_at = 0.0
    for batch in _larger(reading.batches(), rules, whole):
        ingest(
            store,
            prompts=batch.prompts,
            completions=batch.completions,
            tasks=batch.tasks,
            events=batch.events,
            annotators=batch.annotators,
        )
        if time.monotonic() - told_at > TELL_S:
            told_at = time.monotonic()
            tell(scratch, Progress(str(reading.path), reading.rows))


def _larger(
    batches: Iterator[Batch], rules: WorkspaceSettings, whole: Split | None
) -> Iterator[Records]:
    """Batches put together, their prompts with splits and every record once."""
    together: dict[str, dict[str, Any]] = {name: {} for name in RECORDS}
    rows, size = 0, 0
    for batch in batches:
        known = whole or batch.split
        batch.prompts = [_with_split(prompt, known, rules) for prompt in batch.prompts]
        for name, key in RECORDS.items():
            for record in getattr(batch, name):
                together[name].setdefault(getattr(record, key), record)
        rows, size = rows + batch.rows, size + batch.size
        if rows >= ROWS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield _records(together)
            together = {name: {} for name in RECORDS}
            rows, size = 0, 0
    if rows:
        yield _records(together)


def _records(together: dict[str, dict[str, Any]]) -> Records:
    records = Records()
    for name, found in together.items():
        setattr(records, name, [*found.values()])
    return records


def _with_split(prompt: Prompt, known: Split | None, rules: WorkspaceSettings) -> Prompt:
    """A prompt in the split that is known, or that its text falls into."""
    split = known or split_of(prompt.prompt, rules.seed, rules.validation, rules.test)
    return msgspec.structs.replace(prompt, split=split)


def _check_rows(
    store: Store, reading: Reading, kind: RunKind, options: Options
) -> dict[Split, int]:
    """Rows for this kind of run by split; refuse a file without, or without any to train on.

    Raises:
        NothingToDo: says what the file holds instead, and who could learn from it.
    """
    spec = data_of(kind, options)
    wanted = msgspec.structs.replace(spec, splits=list(SPLITS))
    with building(store, wanted) as build:
        rows, notes = build.rows, build.notes
    name = f"{reading.path} ({reading.format.name})"
    if not rows:
        raise _unfit(store, spec, name, kind, notes[0])
    if not any(rows.get(split) for split in _needed(kind, spec)):
        where = ", ".join(f"{rows[split]:,} in {split}" for split in SPLITS if split in rows)
        raise NothingToDo(
            f"No row of {name} falls into the {listed([*_needed(kind, spec)])} split: {where}.",
            hint="Rows fall into splits by a hash of their prompt; add rows with other prompts, or"
            " change validation, test or seed in [workspace] of rlhf.toml.",
        )
    return rows


def _needed(kind: RunKind, spec: DatasetSpec) -> list[Split]:
    return ["train"] if kind in TRAINERS else spec.splits


def _unfit(store: Store, spec: DatasetSpec, name: str, kind: RunKind, summary: str) -> NothingToDo:
    """Why a file has nothing for a kind of run, and for which it has something."""
    held = {}
    for other in NEEDS:
        with building(store, DatasetSpec(other, splits=list(SPLITS), form="text")) as build:
            number = build.total
        with building(store, DatasetSpec(other, splits=list(SPLITS), form="messages")) as build:
            number += build.total
        if number:
            held[other] = count(number, *NEEDS[other][:2])
    needed = NEEDS[spec.kind][1]
    if spec.kind in held:
        return NothingToDo(
            f"The options leave nothing of the {held[spec.kind]} of {name}. {summary}",
            hint="Look at --aggregate, --min-agreement, --min-judgements, --gold and --form.",
        )
    fitting = [f"train {trainer}" for other in held for trainer in NEEDS[other][2]]
    if kind not in TRAINERS:
        hint = "Name a file of what the measured model learns from."
    elif fitting:
        hint = f"It fits: {', '.join(fitting)}."
    else:
        hint = "See: rlhf-tui import --formats"
    return NothingToDo(
        f"{name} holds no {needed}, which {_command(kind)} needs;"
        f" it holds {listed([*held.values()]) or 'none of what trainers learn from'}.",
        hint=hint,
    )


def _command(kind: RunKind) -> str:
    return f"train {kind}" if kind in TRAINERS else kind


def _nothing_taken(reading: Reading) -> InputError:
    reasons = "; ".join(f"line {r.line}: {r.reason}" for r in reading.rejects[:MOST_REASONS])
    return InputError(
        f"No row of {reading.path} can be taken as {reading.format.name}. {reasons}.",
        hint="Name another format with --dataset-format, or see: rlhf-tui import --formats",
    )


def _notes(reading: Reading, directory: Path, tested: int) -> list[str]:
    """What became of the file's rows."""
    taken = f"{count(reading.rows, 'row')} of {reading.path} ({reading.format.name}) taken"
    notes = [f"{taken}; repeated ones count once."]
    if tested:
        notes.append(f"{tested:,} of the test split left out: only evaluation reads it.")
    if reading.rejects:
        first = reading.rejects[0]
        notes.append(
            f"{count(len(reading.rejects), 'row')} rejected (line {first.line}: {first.reason}):"
            f" {directory / REJECTS}"
        )
    if reading.unread:
        notes.append(f"Columns not used: {', '.join(reading.unread)}.")
    return notes


def main(arguments: Sequence[str]) -> None:
    scratch = Path(arguments[0])
    request = msgspec.json.decode((scratch / REQUEST).read_bytes(), type=Request)
    try:
        outcome = make(scratch, request)
    except RlhfError as error:
        # A subclass from elsewhere (a full disk) is told as what it is one of.
        known = next(
            kind for kind in type(error).__mro__ if kind.__module__ == RlhfError.__module__
        )
        outcome = Outcome(error=known.__name__, message=error.message, hint=error.hint)
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    sys.exit(told(main))

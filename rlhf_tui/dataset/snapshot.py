"""The immutable data set of a run: Parquet files and a manifest, made once at its launch."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.config.offline_checks import one_sided
from rlhf_tui.config.options import (
    OPTIONS,
    TRAINERS,
    DPOOptions,
    EvaluateOptions,
    GenerateOptions,
    JudgementOptions,
    KTOOptions,
    OnlineOptions,
    Options,
    RewardOptions,
    ScoreOptions,
    SFTOptions,
)
from rlhf_tui.counting import count
from rlhf_tui.dataset.build import Build, building
from rlhf_tui.dataset.empty import nothing
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.records import SPLITS, Split
from rlhf_tui.runs.evaluated import evaluated
from rlhf_tui.runs.layout import RunKind, write_atomic
from rlhf_tui.store.database import Store

MANIFEST = "manifest.json"
_LABELLING: list[Split] = ["train", "validation"]


class SourceFile(msgspec.Struct):
    """A file that a data set was made of, instead of the workspace's labels."""

    path: str
    sha256: str
    format: str
    rows: int
    """Taken."""
    rejected: int


class Manifest(msgspec.Struct):
    """What a run was given, beside its files."""

    kind: RunKind
    rows: dict[str, int]
    """By file name without its ending: train, validation."""
    last_seq: int
    """The newest event in the log at that moment."""
    sha256: dict[str, str]
    """By file name."""
    spec: DatasetSpec
    created_ms: int
    notes: list[str]
    """Sentences for people; the first sums up what is in it."""
    form: str = "text"
    """text or messages."""
    source: SourceFile | None = None


def write_snapshot(
    store: Store,
    kind: RunKind,
    options: Options,
    directory: Path,
    *,
    source: SourceFile | None = None,
    source_notes: Sequence[str] = (),
) -> Manifest:
    """Write the data set of a run into `directory`, which is made; its files are read-only.

    The kinds that train get `train.parquet` and `validation.parquet` (which may hold no rows); the
    test split is in neither. generate and score get one file, `train.parquet`, of the prompts
    or completions that they work on, from whichever split was asked for; evaluate gets one of the
    name of its split, of the rows that the kind of run that made its model learns from.

    Args:
        source: the file that `store` was made of for this run; None: it is the workspace's.
        source_notes: sentences about that file.

    Raises:
        NothingToDo: there is nothing to train on or to work on; says how to get some.
        InputError: text and messages would be mixed.
        UsageError: there is a snapshot already, or the run to be scored is not named.
        StoreFull: the disk is full.
    """
    if (directory / MANIFEST).exists():
        raise UsageError(f"{directory} holds a snapshot already; it is never changed.")
    spec = data_of(kind, options)
    files: dict[str, list[Split]] = {"train": spec.splits}
    if kind in TRAINERS:
        files = {"train": ["train"], "validation": ["validation"]}
    elif isinstance(options, EvaluateOptions):
        files = {options.split: [options.split]}
    made = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with building(store, spec, scored=kind == "score") as build:
            _guard(kind, spec, build)
            rows = {
                name: build.write(directory / f"{name}.parquet", "parquet", splits)
                for name, splits in files.items()
            }
            manifest = Manifest(
                kind=kind,
                rows=rows,
                last_seq=build.last_seq,
                sha256={f"{name}.parquet": _sha256(directory / f"{name}.parquet") for name in rows},
                spec=spec,
                created_ms=time.time_ns() // 1_000_000,
                notes=[*build.notes, *_split_notes(kind, rows), *source_notes],
                form="messages" if build.chat else "text",
                source=source,
            )
        write_atomic(directory / MANIFEST, manifest)
    except BaseException:
        if made:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    for name in (MANIFEST, *manifest.sha256):
        (directory / name).chmod(0o444)
    return manifest


def data_of(kind: RunKind, options: Options) -> DatasetSpec:
    """Which data a run of this kind and these options takes."""
    form = options.form
    if isinstance(options, RewardOptions | DPOOptions):
        return DatasetSpec(
            "preference", pairs=options.pairs, splits=_LABELLING, form=form, **_decided_by(options)
        )
    if isinstance(options, KTOOptions):
        return DatasetSpec(
            "unpaired-preference", splits=_LABELLING, form=form, **_decided_by(options)
        )
    if isinstance(options, SFTOptions):
        return DatasetSpec(
            "prompt-completion",
            splits=_LABELLING,
            include=options.include,
            form=form,
            **_decided_by(options),
        )
    if isinstance(options, GenerateOptions):
        splits = {"labelling": _LABELLING, "all": list(SPLITS)}.get(options.split)
        if splits is None:
            splits = [split for split in SPLITS if split == options.split]
        return DatasetSpec("prompt-only", splits=splits, limit=options.limit, form=form)
    if isinstance(options, ScoreOptions):
        if not options.completions:
            raise UsageError(
                "Which completions are to be scored?", hint="Name a generate run: --completions ID."
            )
        runs = [options.completions]
        return DatasetSpec("prompt-only", splits=list(SPLITS), runs=runs, form=form)
    if isinstance(options, OnlineOptions):
        return DatasetSpec("prompt-only", splits=_LABELLING, form=form)
    if isinstance(options, EvaluateOptions):
        return _data_of_evaluated(options)
    raise UsageError(f"These are no options of a run of kind {kind}.")


def _data_of_evaluated(options: EvaluateOptions) -> DatasetSpec:
    """A held-out split, chosen and decided as the data that the measured model learnt from."""
    made = evaluated(options.model)
    try:
        learnt = msgspec.convert(made.arguments, OPTIONS[made.kind])
    except msgspec.ValidationError:
        # Of another version: what decides about judgements is the default then.
        learnt = OPTIONS[made.kind]()
    spec = data_of(made.kind, msgspec.structs.replace(learnt, form=options.form))
    return msgspec.structs.replace(spec, splits=[options.split])


def _decided_by(options: JudgementOptions) -> dict[str, Any]:
    """What becomes of judgements; what was chosen as most informative never validates."""
    names = ("aggregate", "min_agreement", "min_judgements", "gold")
    return {"validation": "control"} | {name: getattr(options, name) for name in names}


def _guard(kind: RunKind, spec: DatasetSpec, build: Build) -> None:
    """Refuse what can only fail later, with less to say about why."""
    if kind == "score" and not build.total:
        raise NothingToDo(
            f"There are no completions of {spec.runs[0]} in the store yet.",
            hint="Wait until that generate run has written some, or name another one.",
        )
    if not build.total:
        raise nothing(spec, build.notes)
    if kind in TRAINERS and not build.rows.get("train"):
        raise NothingToDo(
            f"All of it is in the validation split, and none to train on: {build.notes[0]}",
            hint="Bring in or label more: prompts fall into splits by a hash of their text.",
        )
    if kind == "kto":
        label = build.one_label("train")
        if label is not None:
            raise one_sided(label, build.rows["train"])


def _split_notes(kind: RunKind, rows: dict[str, int]) -> list[str]:
    if kind not in TRAINERS:
        return []
    train, validation = rows["train"], rows["validation"]
    found = [f"{count(train, 'row')} to train on, {validation:,} to validate."]
    if not validation:
        found.append("There is nothing to validate on, so that overfitting will not show.")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

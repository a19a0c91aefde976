"""The manifest of a run's data set, read without what made it, and what it says in words."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.counting import count
from rlhf_tui.runs import layout

MANIFEST = "manifest.json"
WORDS = {
    "preference": ("preference pair", "a prompt, the better and the worse completion"),
    "unpaired-preference": ("thumb", "a prompt, a completion, and whether it was liked"),
    "prompt-completion": ("demonstration", "a prompt and the completion to learn"),
    "prompt-only": ("prompt", "prompts, to which the run writes completions itself"),
    "rankings": ("ranking", "all of each judgement"),
}
"""What a row is called, and what stands in it, by the data set's kind."""


class Source(msgspec.Struct):
    """The file that a data set was made of."""

    path: str = ""
    sha256: str = ""
    format: str = ""
    rows: int = 0
    rejected: int = 0


class Manifest(msgspec.Struct):
    """What a run was given; fields of later versions are passed over."""

    kind: str = ""
    """Of the run."""
    rows: dict[str, int] = {}
    """By file name without its ending."""
    last_seq: int = 0
    """The newest event of the log of judgements at that moment."""
    sha256: dict[str, str] = {}
    """By file name."""
    spec: dict[str, Any] = {}
    """Which rows of the judgements were wanted."""
    created_ms: int = 0
    notes: list[str] = []
    form: str = "text"
    source: Source | None = None

    @property
    def word(self) -> str:
        """What one of its rows is called."""
        if self.kind == "score":
            return "completion"
        return WORDS.get(str(self.spec.get("kind", "")), ("row", ""))[0]


def read_manifest(run: Path) -> Manifest | None:
    """The manifest in a run directory; None where there is none.

    Raises:
        InputError: it is broken.
        OSError: it cannot be read.
    """
    return layout.read(run / layout.DATASET / MANIFEST, Manifest)


def short(manifest: Manifest) -> str:
    """`372 preference pairs and 56 to validate`."""
    rows = dict(manifest.rows)
    validation = rows.pop("validation", 0) if len(rows) > 1 else 0
    told = count(sum(rows.values()), manifest.word)
    return f"{told} and {validation:,} to validate" if validation else told


def origin(manifest: Manifest) -> str:
    """Where its rows come from, as a clause."""
    if manifest.source is not None:
        return f"from the file {manifest.source.path}"
    if manifest.spec.get("kind") == "prompt-only":
        return "of the workspace's prompts"
    return f"of the labels up to event {manifest.last_seq:,}"


def facts(manifest: Manifest) -> list[tuple[str, str]]:
    """Names and values that tell all of it, in the order in which people ask."""
    kind = str(manifest.spec.get("kind", ""))
    told = [
        ("holds", f"{kind}: {WORDS.get(kind, ('', 'rows'))[1]}"),
        *((f"{name}.parquet", count(rows, "row")) for name, rows in manifest.rows.items()),
        ("form", manifest.form),
        ("comes", origin(manifest)),
    ]
    if manifest.source is not None:
        source = manifest.source
        told.append(("read as", f"{source.format}: {count(source.rows, 'row')} taken"))
        if source.rejected:
            told.append(("rejected", count(source.rejected, "row")))
        told.append(("its sha256", source.sha256))
    if manifest.created_ms:
        moment = datetime.fromtimestamp(manifest.created_ms / 1000).astimezone()
        told.append(("made", moment.strftime("%Y-%m-%d %H:%M:%S")))
    wanted = {name: value for name, value in manifest.spec.items() if name != "kind"}
    told += [(f"asked: {name.replace('_', ' ')}", _plain(value)) for name, value in wanted.items()]
    return told + [(f"sha256 {name}", value) for name, value in manifest.sha256.items()]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

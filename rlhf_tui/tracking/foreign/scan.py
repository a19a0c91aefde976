"""Finds the runs in files and directories that a person names, and again as they come."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.runs import layout
from rlhf_tui.tracking.foreign import tensorboard_events, trainer_state, wandb_file
from rlhf_tui.tracking.foreign.csv_table import CsvReader
from rlhf_tui.tracking.foreign.detect import EMPTY, KNOWN, NAMES, Format, Look, look_at
from rlhf_tui.tracking.foreign.json_lines import JsonLinesReader, LlamaFactoryReader
from rlhf_tui.tracking.foreign.reader import Reader
from rlhf_tui.tracking.foreign.tensorboard_events import EventsReader, event_files
from rlhf_tui.tracking.foreign.trainer_state import TrainerStateReader
from rlhf_tui.tracking.foreign.wandb_file import WandbReader

DEEPEST = 6
"""Levels of directories below the one that was named."""
MOST_ENTRIES = 20_000
"""Directory entries looked at in one go."""
MOST_RUNS = 500
"""… and runs that are followed: the newest."""
BEGUN = (".wandb", ".jsonl", ".csv", ".tsv")
"""Endings of files that are waited for when they are empty: a program has just begun them."""
MOST_TOLD = 6
"""Files named in a sentence about what cannot be read."""
READERS: dict[Format, type[Reader]] = {
    "trainer_state": TrainerStateReader,
    "tensorboard": EventsReader,
    "llamafactory": LlamaFactoryReader,
    "wandb": WandbReader,
    "csv": CsvReader,
    "jsonl": JsonLinesReader,
}


@dataclass(frozen=True)
class Found:
    """One run."""

    name: str
    """Told apart by it from the others, and fit for a screen."""
    path: Path
    """The directory or file to follow."""
    format: Format
    files: tuple[Path, ...] = ()
    """Those by whose changes it is known to be alive, newest first."""

    @property
    def log(self) -> Path | None:
        """The file of what the program printed, where its place is known."""
        return self.path.parent / "files" / "output.log" if self.format == "wandb" else None

    def reader(self) -> Reader:
        """Begin to read it; not for run directories of ours.

        Raises:
            UsageError: a package is missing.
        """
        return READERS[self.format](self.path)  # type: ignore[call-arg]


@dataclass
class Scan:
    """What one look at all that was named has found."""

    runs: list[Found] = field(default_factory=list)
    strange: list[tuple[Path, str]] = field(default_factory=list)
    """Files of no known format, and why."""
    empty: list[Path] = field(default_factory=list)
    """Named files without content yet, and named directories without files."""
    gone: list[Path] = field(default_factory=list)
    older: int = 0
    """Runs beside these, written before them."""


class Scanner:
    """Looks again and again; what a file is, it remembers."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = list(paths)
        self._looks: dict[tuple[str, int], Look] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._left = MOST_ENTRIES

    def scan(self) -> Scan:
        """All runs in what was named, each once, by name in the order of the paths."""
        found = Scan()
        runs: dict[tuple[str, str], Found] = {}
        self._left = MOST_ENTRIES
        for path in self.paths:
            for run in self._below(path, found):
                runs.setdefault((os.path.realpath(run.path), run.format), run)
        if len(runs) > MOST_RUNS:
            found.older = len(runs) - MOST_RUNS
            newest = set(sorted(runs, key=lambda key: _written(runs[key]))[-MOST_RUNS:])
            runs = {key: run for key, run in runs.items() if key in newest}
        for key, run in runs.items():
            # What came first keeps its name when others come.
            if key not in self._names:
                self._names[key] = _unused(run, set(self._names.values()))
            found.runs.append(Found(self._names[key], run.path, run.format, run.files))
        return found

    def _below(self, path: Path, scan: Scan) -> Iterator[Found]:
        try:
            kind = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            scan.gone.append(path)
            return
        except OSError as error:
            scan.strange.append((path, f"cannot be read: {(error.strerror or '').lower()}"))
            return
        if not stat.S_ISDIR(kind):
            look = self._look(path)
            if look.format is not None:
                yield Found(
                    path.stem if look.format == "wandb" else path.name, path, look.format, (path,)
                )
            elif look.why == EMPTY:
                scan.empty.append(path)
            else:
                scan.strange.append((path, look.why))
            return
        before = len(scan.strange)
        count = 0
        for run in self._directory(path, path, scan, 0):
            count += 1
            yield run
        if not count and len(scan.strange) == before and not scan.empty:
            scan.empty.append(path)

    def _directory(self, path: Path, root: Path, scan: Scan, depth: int) -> Iterator[Found]:
        name = _name(path, root)
        if _is_run(path):
            yield Found(name, path, "run", (path / layout.STATUS, path / layout.METRICS))
            return
        if states := trainer_state.states(path):
            yield Found(name, path, "trainer_state", tuple(states))
        if events := event_files(path):
            yield Found(name, path, "tensorboard", tuple(trainer_state.newest_first(events)))
        below = []
        entries = self._entries(path)
        # What lies beside a W&B run is its program's.
        runs = [entry for entry in entries if entry.name.endswith(".wandb")]
        for entry in runs or entries:
            inner = Path(entry.path)
            if _is_directory(entry):
                checkpoint = entry.name.startswith(trainer_state.PREFIXES) and states
                if not entry.is_symlink() and not checkpoint:
                    below.append(inner)
            elif entry.name != trainer_state.NAME and "tfevents" not in entry.name:
                yield from self._file(inner, root, scan)
        if depth < DEEPEST:
            for inner in below:
                yield from self._directory(inner, root, scan, depth + 1)

    def _file(self, path: Path, root: Path, scan: Scan) -> Iterator[Found]:
        look = self._look(path)
        if look.format is not None and look.placed:
            yield Found(_name(path, root), path, look.format, (path,))
        elif look.format is not None:
            scan.strange.append((path, f"{NAMES[look.format]} without a column of steps"))
        elif look.why != EMPTY:
            scan.strange.append((path, look.why))
        elif path.name.endswith(BEGUN):
            scan.empty.append(path)

    def _entries(self, path: Path) -> list[os.DirEntry[str]]:
        entries = []
        try:
            with os.scandir(path) as found:
                for entry in found:
                    self._left -= 1
                    if self._left < 0:
                        break
                    if not entry.name.startswith("."):
                        entries.append(entry)
        except OSError:
            return []
        return sorted(entries, key=lambda entry: entry.name)

    def _look(self, path: Path) -> Look:
        try:
            facts = path.stat()
            key = (str(path), facts.st_ino)
            if key in self._looks:
                return self._looks[key]
            if not path.is_file():
                return Look(None, "not a file")
            look = look_at(path)
        except OSError as error:
            return Look(None, f"cannot be read: {(error.strerror or 'an error').lower()}")
        if look.why != EMPTY and (look.format is not None or facts.st_size > 1024):
            # A short one may just be begun.
            self._looks[key] = look
        return look


PACKAGES: dict[Format, tuple[str, UsageError]] = {
    "tensorboard": ("tensorboard", tensorboard_events.MISSING),
    "wandb": ("wandb", wandb_file.MISSING),
}


def check(scan: Scan) -> None:
    """Refuse what can never be shown.

    Raises:
        UsageError: a path is not there, nothing is of a known format and there is no hope for it,
            or all that is there needs a package that is not installed.
    """
    if scan.gone:
        raise UsageError(f"There is no file or directory {_shown(scan.gone[0])}.")
    missing = [
        PACKAGES[run.format][1]
        for run in scan.runs
        if run.format in PACKAGES and find_spec(PACKAGES[run.format][0]) is None
    ]
    if missing and len(missing) == len(scan.runs):
        raise missing[0]
    if scan.runs or scan.empty:
        return
    told = [f"{_shown(path)} ({why})" for path, why in scan.strange[:MOST_TOLD]]
    more = len(scan.strange) - len(told)
    found = "; ".join(told) + (f"; and {more} more" if more else "")
    raise UsageError(f"Nothing here is a known log: {found}.", hint=f"What can be read: {KNOWN}.")


def passed_over(paths: Iterable[Path]) -> str:
    """Files that were named themselves and are no logs, as a sentence; empty: all are shown.

    What lies in directories is passed over in silence: beside a log there is much else.
    """
    strange = Scanner(path for path in paths if not path.is_dir()).scan().strange
    told = [f"{_shown(path)} ({why})" for path, why in strange[:MOST_TOLD]]
    more = len(strange) - len(told)
    found = "; ".join(told) + (f"; and {more} more" if more else "")
    return f"No known log, and passed over: {found}." if found else ""


def printable(text: str) -> str:
    """A name of a file as one line of characters that can be seen."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _shown(path: Path) -> str:
    return printable(str(path))


def _written(run: Found) -> float:
    """When a run was written to last, in seconds since 1970; 0 where nobody tells."""
    for path in run.files:
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _name(path: Path, root: Path) -> str:
    """What a run is called: where it stands below what was named, or the name of that itself."""
    below = path.relative_to(root)
    if path.name.endswith(".wandb"):
        # run-ID.wandb in a directory named by the moment: the id is what people know.
        return path.stem
    return str(below) if below.parts else (root.name or root.resolve().name or str(root))


def _unused(run: Found, names: set[str]) -> str:
    """A name that no other run has: with its directory, its format, a number."""
    first = printable(run.name)
    longer = printable(f"{run.path.resolve().parent.name}/{run.name}")
    for name in (first, f"{first}:{run.format}", longer, f"{longer}:{run.format}"):
        if name not in names:
            return name
    number = 2
    while f"{first}~{number}" in names:
        number += 1
    return f"{first}~{number}"


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself.
        return False


def _is_run(path: Path) -> bool:
    try:
        return layout.read(path / layout.ARGS, layout.RunArguments) is not None
    except (InputError, OSError):
        return False

"""The data set of a run from a file instead of the workspace: `--dataset FILE`.

The file is read by what `import` reads with, into a temporary store beside the run, and the
snapshot is picked from that by the same code: whatever can be imported can be trained on, and is
split, weighed and filtered alike. Nothing of it enters the workspace's store. It happens in a
process of its own, niced, because the hub serves people at their keys meanwhile.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui import errors
from rlhf_tui.config.options import EvaluateOptions, Options, TrainOptions
from rlhf_tui.config.settings import WorkspaceSettings
from rlhf_tui.dataset.snapshot import Manifest
from rlhf_tui.errors import InputError, RlhfError
from rlhf_tui.evaluation.worker_process import compute
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.reading import SCRATCH

MODULE = "rlhf_tui.dataset.file_process"
REQUEST = "request.json"
LIMIT_S = 6 * 3600.0
"""Ten million rows are read in an hour or two; what takes longer hangs."""


class Request(msgspec.Struct):
    """What the process is to do."""

    kind: RunKind
    options: dict[str, Any]
    """All of the kind's; `dataset` is absolute."""
    directory: str
    """Where the snapshot goes."""
    rules: WorkspaceSettings
    """They split the file's prompts as the workspace's own."""


class Outcome(msgspec.Struct):
    """What the process prints: the manifest of what it made, or why it made nothing."""

    manifest: Manifest | None = None
    error: str = ""
    """The error's class in `rlhf_tui.errors`."""
    message: str = ""
    hint: str = ""


def from_file(options: Options) -> bool:
    """Whether a run of these options takes its data from a file."""
    return isinstance(options, TrainOptions | EvaluateOptions) and bool(options.dataset)


def located(options: Options, cwd: Path) -> Options:
    """The options with the file's absolute path, as seen from where the launch was given.

    Raises:
        InputError: there is no such file, or it cannot be reached, or never ends.
    """
    if not isinstance(options, TrainOptions | EvaluateOptions) or not options.dataset:
        return options
    hint = "Name a file that import knows: rlhf-tui import --formats."
    try:
        path = (cwd / Path(options.dataset).expanduser()).absolute()
        there, plain = path.exists(), path.is_file() or path.is_dir()
    except (OSError, RuntimeError) as error:
        # A name that is too long, a folder that is closed to us; a home of nobody's.
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{options.dataset[:200]} is no file: {why}.", hint=hint) from None
    if not there:
        raise InputError(f"There is no file {path}.", hint=hint)
    if not plain:
        raise InputError(f"{path} is a pipe or a device, which may never end.", hint=hint)
    return msgspec.structs.replace(options, dataset=str(path))


def snapshot_from_file(
    kind: RunKind, options: Options, directory: Path, rules: WorkspaceSettings
) -> Manifest:
    """Write the snapshot of a run into `directory`, as `write_snapshot`, from `options.dataset`.

    Raises:
        InputError: the file, or all of its rows, cannot be taken.
        UsageError: its format has no such name.
        NothingToDo: it holds nothing that a run of this kind learns from.
        HubError: the process failed, or the disk is full.
    """
    scratch = directory.parent / SCRATCH
    try:
        write_request(scratch, kind, options, directory, rules)
        said = compute(MODULE, [str(scratch)], what="The data set of the run", limit_s=LIMIT_S)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return manifest_of(said)


def write_request(
    scratch: Path, kind: RunKind, options: Options, directory: Path, rules: WorkspaceSettings
) -> None:
    """Say in a new directory what the process is to do: its only argument is that directory."""
    scratch.mkdir(parents=True)
    request = Request(kind, msgspec.to_builtins(options), str(directory), rules)
    (scratch / REQUEST).write_bytes(msgspec.json.encode(request))


def manifest_of(said: str | bytes) -> Manifest:
    """What the process printed.

    Raises:
        RlhfError: as `snapshot_from_file`.
    """
    outcome = msgspec.json.decode(said, type=Outcome)
    if outcome.manifest is None:
        raise _error(outcome)
    return outcome.manifest


def _error(outcome: Outcome) -> RlhfError:
    known = getattr(errors, outcome.error, errors.HubError)
    made: RlhfError = known(outcome.message, hint=outcome.hint)
    return made

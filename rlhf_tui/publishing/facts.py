"""What is told about a model or a data set that leaves the workspace, gathered from hub and run.

Left out on purpose: paths of this machine, names of annotators, the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, get_args

import msgspec

from rlhf_tui.config.meanings import SAMPLE, is_bundled_anywhere
from rlhf_tui.config.options import TRAINERS
from rlhf_tui.config.reward_sources import RewardEntry, parse
from rlhf_tui.errors import InputError, NothingToDo, UsageError
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    ListRuns,
    RunAnswer,
    RunInfo,
    RunList,
    ShowRun,
    Stats,
    StatsAnswer,
)
from rlhf_tui.records import TaskKind
from rlhf_tui.runs import layout

MANIFEST = "manifest.json"
ADAPTER = "adapter_config.json"
REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
PATH = re.compile(r"(?<![\w:/.])/(?:[^\s/]+/)*([^\s/]+)")
"""A path in a sentence; its last part is what may be told."""
LARGEST_LINEAGE = 20
"""Steps back to a base model; a longer chain is told as far as this."""


class Agreement(msgspec.Struct):
    """How far annotators agree on one kind of task."""

    kind: TaskKind
    tasks: int
    judgements: int
    annotators: int
    figures: list[Figure]


class ModelFacts(msgspec.Struct):
    repo: str
    run_id: str
    kind: str
    title: str
    adapter: bool
    base_model: str
    """Its id at the Hugging Face Hub; empty if it has none."""
    base: str
    """The same for people: an id, or words."""
    lineage: list[tuple[str, str]]
    """Role and run id of what it was made from, the nearest first."""
    arguments: dict[str, Any]
    versions: dict[str, str]
    rows: dict[str, int]
    data_notes: list[str]
    agreement: list[Agreement]
    metrics: dict[str, float]
    evaluations: list[Evaluation]
    """Of the run itself, and the newest of evaluate runs on it, a split each."""
    license: str = ""

    @property
    def name(self) -> str:
        return self.repo.rpartition("/")[2]


class SplitFile(msgspec.Struct):
    name: str
    path: str
    """In the repository."""
    rows: int


class DatasetFacts(msgspec.Struct):
    repo: str
    kind: str
    splits: list[SplitFile]
    columns: list[tuple[str, str]]
    notes: list[str]
    agreement: list[Agreement]
    guidelines: str
    """Version; empty without."""
    nameless: bool
    license: str = ""

    @property
    def name(self) -> str:
        return self.repo.rpartition("/")[2]


def pushable_run(client: HubClient, name: str) -> RunInfo:
    """A run that made a model.

    Raises:
        UsageError: there is no such run, or it trains nothing.
        NothingToDo: it has no model (yet).
    """
    info = client.call(ShowRun(run_id=name), RunAnswer).run
    if info.kind not in TRAINERS:
        raise UsageError(
            f"{info.run_id} is a run of kind {info.kind!r}, which makes no model.",
            hint=f"Name a run of: {', '.join(TRAINERS)}.",
        )
    if not (Path(info.directory) / layout.MODEL).is_dir():
        raise NothingToDo(
            f"{info.run_id} ({info.state}) has no model.",
            hint="Wait until it has finished, or name another run.",
        )
    return info


def model_facts(client: HubClient, info: RunInfo, repo: str, license: str) -> ModelFacts:
    """What a model's card says.

    Raises:
        InputError: a file of the run cannot be read.
    """
    directory = Path(info.directory)
    about = info.arguments or layout.read(directory / layout.ARGS, layout.RunArguments)
    if about is None:
        raise InputError(f"{directory} holds no {layout.ARGS} any more.")
    model, lineage = _ancestors(client, about)
    base = model if REPO_ID.fullmatch(model) else ""
    manifest = _json(directory / layout.DATASET / MANIFEST)
    return ModelFacts(
        repo=repo,
        run_id=info.run_id,
        kind=info.kind,
        title=info.title,
        adapter=(directory / layout.MODEL / ADAPTER).exists(),
        base_model=base,
        base=base or _described(model),
        lineage=lineage,
        arguments=arguments_without_paths(about.arguments, about.lineage),
        versions=about.versions,
        rows=manifest.get("rows", {}),
        data_notes=[without_paths(note) for note in manifest.get("notes", [])],
        agreement=agreement(client),
        metrics=info.status.metrics if info.status else {},
        evaluations=_evaluations(client, info),
        license=license,
    )


def agreement(client: HubClient) -> list[Agreement]:
    """The workspace's figures, of the kinds of task that people have judged."""
    found = []
    for kind in get_args(TaskKind):
        report = client.call(Stats(kind=kind), StatsAnswer).report
        if report.judgements:
            people = sum(person.judgements > 0 for person in report.annotators)
            found.append(Agreement(kind, report.tasks, report.judgements, people, report.agreement))
    return found


def _evaluations(client: HubClient, info: RunInfo) -> list[Evaluation]:
    """What was measured of a run's model, the newest of each split."""
    later = client.call(ListRuns(kinds=["evaluate"], archived=True), RunList).runs
    found: dict[str, Evaluation] = {}
    for run in [*later, info]:
        directory = Path(run.directory)
        if run is not info:
            about = layout.read(directory / layout.ARGS, layout.RunArguments)
            if about is None or about.lineage.get("model") != info.run_id:
                continue
        measured = layout.read(directory / layout.EVALUATION, Evaluation)
        if measured is not None:
            found.setdefault(measured.split, measured)
    for measured in found.values():
        measured.notes = [without_paths(note) for note in measured.notes]
    return list(found.values())


def without_paths(sentence: str) -> str:
    """A sentence in which paths are cut to their last part."""
    return PATH.sub(r"\1", sentence)


def _ancestors(client: HubClient, about: layout.RunArguments) -> tuple[str, list[tuple[str, str]]]:
    """The model that the whole chain of runs began with, and the runs on the way to it."""
    lineage: list[tuple[str, str]] = []
    for _ in range(LARGEST_LINEAGE):
        lineage += [(_role(role), run) for role, run in about.lineage.items()]
        before = about.lineage.get("model")
        if before is None:
            break
        try:
            earlier = client.call(ShowRun(run_id=before), RunAnswer).run.arguments
        except UsageError:
            earlier = None
        if earlier is None:
            # Its directory was removed; its name is all that is left.
            return "", lineage
        about = earlier
    return str(about.arguments.get("model", "")), list(dict.fromkeys(lineage))


def _role(role: str) -> str:
    return {"model": "started from", "reward_model": "reward model"}.get(role, role)


def _described(model: str) -> str:
    if is_bundled_anywhere(model):
        return "the small sample model that rlhf-tui brings along"
    parts = PurePath(model).parts
    return f"a model in a folder named `{parts[-1]}`" if parts else ""


def arguments_without_paths(
    arguments: Mapping[str, Any], lineage: Mapping[str, str]
) -> dict[str, Any]:
    """Arguments without this machine's paths: runs by their ids, other paths by their last part."""
    shown = {name: lineage.get(name) or _without_path(value) for name, value in arguments.items()}
    if "rewards" in arguments:
        shown["rewards"] = [_reward_without_path(text) for text in arguments["rewards"]]
    return shown


def _reward_without_path(text: str) -> str:
    """An entry of `rewards`, which holds a path between a weight and a label."""
    entry = parse(text)
    if not PurePath(entry.source).is_absolute():
        return text
    return str(msgspec.structs.replace(entry, source=RewardEntry(entry.source).name))


def _without_path(value: Any) -> Any:
    if isinstance(value, str) and PurePath(value).is_absolute():
        path = PurePath(value)
        return SAMPLE if is_bundled_anywhere(value) else path.name
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_path(item) for item in value]
    return value


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; {} where the file is not there.

    Raises:
        InputError: it is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error

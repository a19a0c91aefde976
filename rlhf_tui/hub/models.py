"""From what a person calls a model to a path or hub id, and to the run that made it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.config.idle import notes_on_idle
from rlhf_tui.config.online_checks import notes_on
from rlhf_tui.config.options import (
    OPTIONS,
    TRAINERS,
    DPOOptions,
    EvaluateOptions,
    GenerateOptions,
    KTOOptions,
    OnlineOptions,
    Options,
    RewardOptions,
    ScoreOptions,
)
from rlhf_tui.config.reward_sources import find_function, parse
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import NothingToDo, UsageError, nearest
from rlhf_tui.hub.rows import CURRENT, current, promoted
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.store.write import RunRow

SAMPLE = "sample"
RUN_ID = re.compile(rf"({'|'.join(OPTIONS)})-\d+")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
MODEL_FILES = ("config.json", "adapter_config.json")


class Resolved(msgspec.Struct):
    """Options whose model references a worker can load."""

    options: Options
    lineage: dict[str, str]
    """role → run id."""
    notes: list[str]


def sample_model() -> Path:
    """The bundled model.

    Raises:
        UsageError: it is not installed.
    """
    found = importlib.util.find_spec("rlhf_tui.sample_data")
    for place in (found.submodule_search_locations or []) if found else []:
        if (Path(place) / "model" / "config.json").exists():
            return (Path(place) / "model").resolve()
    raise UsageError("The bundled sample model is not installed.", hint="Name another model.")


def newest(runs: Mapping[str, RunRow], kind: RunKind) -> RunRow | None:
    """The newest finished run of a kind whose model is there; none that was put away."""
    finished = [
        run
        for run in runs.values()
        if run.kind == kind
        and run.state == "finished"
        and not run.archived
        and model_folder(run).is_dir()
    ]
    return max(finished, key=lambda run: (run.created_ms, run.run_id), default=None)


def model_folder(run: RunRow) -> Path:
    """Where the run's model is, or will be."""
    return Path(run.directory) / layout.MODEL


def resolve_model(reference: str, runs: Mapping[str, RunRow], cwd: Path) -> tuple[str, str]:
    """A path or Hugging Face id for a reference, and the run that made it (or '').

    Raises:
        UsageError: no such run or path, a run without a finished model, no model there, or
            `current` where no run is promoted.
    """
    if not reference.strip():
        raise UsageError(
            "No model is named.", hint="Name a path, a run id, 'current', or 'sample'."
        )
    if reference == SAMPLE:
        return str(sample_model()), ""
    if reference == CURRENT:
        reference = current(runs).run_id
    if reference in runs or RUN_ID.fullmatch(reference):
        return _model_of_run(reference, runs), reference
    try:
        path = (cwd / Path(reference).expanduser()).absolute()
        there = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        # A name that no file can have, a folder that is closed to us, a home of nobody's.
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"There is no model {reference[:200]!r}: {why}.") from None
    if there:
        if not any((path / name).is_file() for name in MODEL_FILES):
            raise UsageError(
                f"{path} is not a model: it holds no {MODEL_FILES[0]}.",
                hint="Name a directory that save_pretrained wrote, a run, or a Hugging Face id.",
            )
        return str(path), ""
    if not HUB_ID.fullmatch(reference):
        raise UsageError(
            f"There is no model {reference!r}.",
            hint="Name a path, a run id, a Hugging Face id, 'current', or 'sample'.",
        )
    return reference, ""


def _model_of_run(run_id: str, runs: Mapping[str, RunRow]) -> str:
    run = runs.get(run_id)
    if run is None:
        known = [r.run_id for r in runs.values() if model_folder(r).is_dir()]
        raise UsageError(f"There is no run {run_id!r}.", hint=nearest(run_id, known))
    return str(model_of(run))


def model_of(run: RunRow) -> Path:
    """The run's model.

    Raises:
        UsageError: it has none.
    """
    if not model_folder(run).is_dir():
        raise UsageError(
            f"{run.run_id} ({run.state}) has no model.",
            hint="Wait until it has finished, or name another run.",
        )
    return model_folder(run)


def resolve_options(
    options: Options, settings: Settings, runs: Mapping[str, RunRow], cwd: Path
) -> Resolved:
    """Options with every model reference resolved and the choices left open made.

    Raises:
        UsageError: as `resolve_model`, or a run's model is of the wrong sort for its role.
        NothingToDo: nothing to choose from: no reward model, or no finished training run.
    """
    notes: list[str] = []
    if isinstance(options, OnlineOptions | DPOOptions | KTOOptions) and not options.model:
        options = _choose_policy(options, settings, runs, notes)
    if isinstance(options, OnlineOptions) and not (options.reward_model or options.rewards):
        options = _choose_reward_model(options, runs, notes)
    if isinstance(options, EvaluateOptions) and not options.model:
        options = _choose_evaluated(options, runs, notes)
    if isinstance(options, ScoreOptions):
        _check_score(options, runs)
    lineage: dict[str, str] = {}
    resolved: dict[str, Any] = {}
    if isinstance(options, GenerateOptions) and options.endpoint:
        # A server's model is nothing to be found here, whatever a settings file says for others.
        if options.model not in ("", SAMPLE):
            notes.append(f"The server's model is asked; model = {options.model!r} is not used.")
        return Resolved(msgspec.structs.replace(options, model=""), {}, notes)
    if isinstance(options, GenerateOptions) and not options.model:
        options = _choose_writer(options, runs, notes)
    for role in _roles(options):
        reference = getattr(options, role)
        if reference or role == "model":
            resolved[role], made_by = resolve_model(reference, runs, cwd)
            if made_by:
                _check_use(runs[made_by], role, options)
                lineage[role] = made_by
    notes += notes_on_idle(options)
    if isinstance(options, OnlineOptions):
        notes += notes_on(options)
        resolved["rewards"] = _resolve_rewards(options, runs, cwd, lineage)
    if isinstance(options, ScoreOptions):
        lineage["completions"] = options.completions
    return Resolved(msgspec.structs.replace(options, **resolved), lineage, notes)


def _resolve_rewards(
    options: OnlineOptions, runs: Mapping[str, RunRow], cwd: Path, lineage: dict[str, str]
) -> list[str]:
    """`rewards` with every model as a path or hub id; runs among them go into the lineage."""
    found = []
    for place, text in enumerate(options.rewards, start=1):
        entry = parse(text)
        if entry.is_function:
            find_function(entry, cwd)
        else:
            source, made_by = resolve_model(entry.source, runs, cwd)
            entry = msgspec.structs.replace(entry, source=source)
            if made_by:
                _check_use(runs[made_by], "rewards", options)
                lineage[f"reward_{place}"] = made_by
        found.append(str(entry))
    return found


def _check_use(run: RunRow, role: str, options: Options) -> None:
    """Refuse a run whose model is of the other sort than its role: the worker would, much later.

    Raises:
        UsageError: a reward model that should write, or a language model that should judge.
    """
    scores = run.kind == "rm"
    if role in ("reward_model", "rewards"):
        if not scores:
            raise UsageError(
                f"{run.run_id} is a language model, not a reward model.",
                hint="Name a run of 'rlhf-tui train rm', or a classifier's path or hub id.",
            )
    elif scores and not isinstance(options, RewardOptions | EvaluateOptions):
        raise UsageError(
            f"{run.run_id} is a reward model, which writes nothing.",
            hint="Name a run of another kind, as sft, or a language model's path or hub id.",
        )


def _roles(options: Options) -> Sequence[str]:
    names = ("model", "reward_model", "policy", "reference")
    return [name for name in names if name in options.__struct_fields__]


def _choose_policy(
    options: OnlineOptions | DPOOptions | KTOOptions,
    settings: Settings,
    runs: Mapping[str, RunRow],
    notes: list[str],
) -> OnlineOptions | DPOOptions | KTOOptions:
    sft = newest(runs, "sft")
    start = sft.run_id if sft else str(settings.of_kind("sft").get("model", SAMPLE))
    notes.append(
        f"Starting policy: {start}, the newest finished SFT run."
        if sft
        else f"There is no finished SFT run: the starting policy is {start!r} itself."
    )
    return msgspec.structs.replace(options, model=start)


def _choose_writer(
    options: GenerateOptions, runs: Mapping[str, RunRow], notes: list[str]
) -> GenerateOptions:
    """The workspace's current policy, or the bundled model where no run is promoted."""
    policy = promoted(runs)
    if policy is None:
        notes.append(
            "Model: the bundled sample, as no run's model is the current policy"
            " (rlhf-tui runs promote RUN)."
        )
        return msgspec.structs.replace(options, model=SAMPLE)
    notes.append(f"Model: {policy.run_id}, the workspace's current policy.")
    return msgspec.structs.replace(options, model=policy.run_id)


def _choose_reward_model(
    options: OnlineOptions, runs: Mapping[str, RunRow], notes: list[str]
) -> OnlineOptions:
    reward = newest(runs, "rm")
    if reward is None:
        raise NothingToDo(
            "There is no finished reward model yet.",
            hint="Train one first with 'rlhf-tui train rm', or name one with --reward-model or"
            " --rewards.",
        )
    notes.append(f"Reward model: {reward.run_id}, the newest finished one.")
    return msgspec.structs.replace(options, reward_model=reward.run_id)


def _choose_evaluated(
    options: EvaluateOptions, runs: Mapping[str, RunRow], notes: list[str]
) -> EvaluateOptions:
    finished = [
        run
        for run in runs.values()
        if run.kind in TRAINERS and run.state == "finished" and model_folder(run).is_dir()
    ]
    latest = max(finished, key=lambda run: (run.created_ms, run.run_id), default=None)
    if latest is None:
        raise NothingToDo(
            "There is no finished training run to evaluate.", hint="Train a model first."
        )
    notes.append(f"Evaluated: {latest.run_id}, the newest finished training run.")
    return msgspec.structs.replace(options, model=latest.run_id)


def _check_score(options: ScoreOptions, runs: Mapping[str, RunRow]) -> None:
    run = runs.get(options.completions)
    if run is None or run.kind != "generate":
        known = [r.run_id for r in runs.values() if r.kind == "generate"]
        problem = f"{options.completions!r} is not a generate run."
        if not options.completions:
            problem = "Which completions are to be scored?"
        raise UsageError(problem, hint=nearest(options.completions, known))
    if not options.reward_model and not options.policy:
        raise UsageError(
            "There is nothing to score with.", hint="Name a --reward-model, or a --policy for KL."
        )

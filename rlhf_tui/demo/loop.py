"""The stages of the proof, from prompts to a measured policy, in the order a person would go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pyarrow.parquet as pq

from rlhf_tui.config.settings import load_settings
from rlhf_tui.dataset.spec import DatasetKind, DatasetSpec
from rlhf_tui.demo.annotators import ANNOTATORS, Annotator
from rlhf_tui.demo.measure import policy_figures, reward_figures, targets
from rlhf_tui.demo.report import Report, SamplePair
from rlhf_tui.demo.stages import Stages
from rlhf_tui.errors import RunFailed
from rlhf_tui.evaluation.agreement import pairwise_agreement
from rlhf_tui.exchange import import_file, save_export
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    CompletionsAnswer,
    Launch,
    Launched,
    Progress,
    ProgressAnswer,
    PromptPage,
    ReadPrompts,
    RunCompletions,
    Scores,
    ScoresAnswer,
)
from rlhf_tui.hub.watch import looks, story
from rlhf_tui.records import Completion, Event, Prompt, Score, Split, TaskKind, plain
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.sample_data import DIRECTORY as SAMPLE
from rlhf_tui.workspace import Workspace


class Scale(msgspec.Struct, frozen=True):
    """How much of everything the loop does."""

    labelled_prompts: int = 700
    """Prompts that get completions to label. A ranking of four gives six pairs, so this makes
    about 4,000: the sample reward model needs some 2,500 of this noise to judge well."""
    test_prompts: int = 200
    """Test prompts a policy is measured on: with 4 completions each, 800 reviews, so that a
    share has a standard error under 2 points."""
    next_round: int = 50
    """Prompts that the trained policy writes for at the end: the next completions to label."""
    training: dict[RunKind, dict[str, Any]] = {}
    """Options of the training runs; none for the proof, which takes the defaults."""


SHOWN_SAMPLES = 4
EXPORTS: tuple[DatasetKind, ...] = (
    "preference",
    "unpaired-preference",
    "prompt-completion",
    "prompt-only",
    "rankings",
)


class Loop:
    """One pass through the loop in a workspace that holds the sample's prompts."""

    def __init__(
        self,
        workspace: Workspace,
        client: HubClient,
        stages: Stages,
        seed: int,
        scale: Scale | None = None,
    ) -> None:
        self._workspace = workspace
        self._client = client
        self._stages = stages
        self._seed = seed
        self._scale = scale or Scale()
        self._runs: dict[str, str] = {}
        self._exported: dict[str, int] = {}

    def run(self) -> Report:
        """All stages; the report lacks only the total time.

        Raises:
            RunFailed: a background run did not finish.
        """
        self._import()
        base_run = self._background(
            "base model writes", "generate", model="sample", limit=self._scale.labelled_prompts
        )
        done = self._label()
        rankings = self._export()
        self._background("SFT", "sft", model="sample")
        self._background("reward model", "rm", model="sample")
        self._background(
            "PPO", "ppo", model=self._runs["SFT"], reward_model=self._runs["reward model"]
        )
        written = {
            name: self._test_completions(name, model)
            for name, model in (
                ("base", "sample"),
                ("SFT", self._runs["SFT"]),
                ("PPO", self._runs["PPO"]),
            )
        }
        reward, kl = self._scores()
        self._background(
            "PPO writes the next round",
            "generate",
            model=self._runs["PPO"],
            limit=self._scale.next_round,
        )
        prompts = self._prompts()
        policies = [
            policy_figures(name, completions, prompts, kl if name == "PPO" else [])
            for name, completions in written.items()
        ]
        figures = reward_figures(reward, written["base"], prompts)
        agreement = pairwise_agreement(rankings)
        base, sft, ppo = policies
        bounds = targets(base, sft, ppo, figures, [entry.share for entry in agreement])
        return Report(
            seed=self._seed,
            seconds=0.0,
            workspace=str(self._workspace.root),
            labelled_prompts=len({c.prompt_id for c in self._written(base_run)}),
            rankings=done["rank"],
            thumbs=done["thumbs"],
            agreement=agreement,
            reward_model=figures,
            policies=policies,
            targets=bounds,
            samples=_pairs(written["base"], written["PPO"], prompts),
            exports=self._exported,
            runs=self._runs,
            stage_seconds=self._stages.seconds,
            reached=all(target.reached for target in bounds),
        )

    def _import(self) -> None:
        files: tuple[tuple[str, Split | None], ...] = (
            ("prompts-train.jsonl", None),
            ("prompts-test.jsonl", "test"),
            ("demonstrations.jsonl", None),
        )
        label = load_settings(self._workspace).label
        with self._stages.stage("import", len(files)) as stage:
            for name, split in files:
                import_file(self._client, SAMPLE / name, label=label, split=split)
                stage.advance(1)

    def _label(self) -> dict[TaskKind, int]:
        """All annotators at work at once, each through a connection of their own."""
        done: dict[TaskKind, int] = {"rank": 0, "thumbs": 0}
        people = [Annotator(self._workspace, care, self._seed) for care in ANNOTATORS]
        progress = self._client.call(Progress(), ProgressAnswer)
        kinds: tuple[tuple[TaskKind, int], ...] = (
            ("rank", progress.rank.judgements_wanted - progress.rank.judgements),
            ("thumbs", progress.thumbs.judgements_wanted - progress.thumbs.judgements),
        )
        for kind, wanted in kinds:
            with (
                self._stages.stage(f"three annotators: {kind}", wanted) as stage,
                ThreadPoolExecutor(len(people)) as pool,
            ):
                jobs = [pool.submit(person.work, kind, stage.advance) for person in people]
                done[kind] = sum(job.result() for job in jobs)
        return done

    def _background(self, stage_name: str, kind: RunKind, **arguments: Any) -> str:
        """Launch a background run and follow it to its end; returns its id.

        Raises:
            RunFailed: it ended in any other way than finished.
        """
        with self._stages.stage(stage_name) as stage:
            launched = self._client.call(
                Launch(
                    kind=kind,
                    arguments={
                        "seed": self._seed,
                        **self._scale.training.get(kind, {}),
                        **arguments,
                    },
                ),
                Launched,
            )
            for run, status in looks(self._client, launched.run_id):
                if status is not None:
                    stage.at(status.step, status.total_steps, story(run, status))
        if run.state != "finished":
            raise RunFailed(
                f"{stage_name}: run {run.run_id} {run.state}: {run.message}",
                hint=f"Its log: {run.directory}/log.txt",
            )
        self._runs[stage_name] = run.run_id
        return run.run_id

    def _export(self) -> list[Event]:
        """Every data set as Parquet; returns the ranking judgements, read from the file."""
        with self._stages.stage("export to Parquet", len(EXPORTS)) as stage:
            for kind in EXPORTS:
                path = self._workspace.exports / f"{kind}.parquet"
                self._exported[path.name] = save_export(
                    self._client, DatasetSpec(kind=kind), path
                ).rows
                stage.advance(1)
        columns = ["kind", "event_id", "task_id", "annotator", "shown", "tiers"]
        rows = pq.read_table(self._workspace.exports / "rankings.parquet", columns=columns)
        return [
            Event(
                event_id=row["event_id"],
                kind="judge",
                task_id=row["task_id"],
                annotator=row["annotator"],
                shown=row["shown"],
                tiers=row["tiers"],
            )
            for row in rows.to_pylist()
            if row["kind"] == "judge" and row["tiers"]
        ]

    def _test_completions(self, name: str, model: str) -> list[Completion]:
        """What a model writes on the test prompts, from the same seed for every model."""
        run = self._background(
            f"{name} writes on test prompts",
            "generate",
            model=model,
            split="test",
            limit=self._scale.test_prompts,
            tasks=False,
        )
        return self._written(run)

    def _scores(self) -> tuple[list[Score], list[float]]:
        """Rewards of the base model's test completions; KL to SFT of the PPO policy's."""
        rewards = self._background(
            "reward model scores test pairs",
            "score",
            completions=self._runs["base writes on test prompts"],
            reward_model=self._runs["reward model"],
        )
        kls = self._background(
            "KL of PPO to SFT",
            "score",
            completions=self._runs["PPO writes on test prompts"],
            policy=self._runs["PPO"],
            reference=self._runs["SFT"],
        )
        kl = self._client.call(Scores(run_id=kls), ScoresAnswer).scores
        return (
            self._client.call(Scores(run_id=rewards), ScoresAnswer).scores,
            [score.kl for score in kl if score.kl is not None],
        )

    def _prompts(self) -> dict[str, Prompt]:
        """All test prompts, by id."""
        found: dict[str, Prompt] = {}
        after = ""
        while True:
            page = self._client.call(
                ReadPrompts(after=after, limit=500, splits=["test"]), PromptPage
            )
            found |= {prompt.prompt_id: prompt for prompt in page.prompts}
            if not page.next:
                return found
            after = page.next

    def _written(self, run_id: str) -> list[Completion]:
        """What a generate run wrote, in a fixed order."""
        answer = self._client.call(RunCompletions(run_id=run_id), CompletionsAnswer)
        return sorted(answer.completions, key=lambda c: c.completion_id)


def _pairs(
    before: list[Completion], after: list[Completion], prompts: dict[str, Prompt]
) -> list[SamplePair]:
    """The first completions of the same few prompts, before and after."""
    first_before = {c.prompt_id: c for c in reversed(before)}
    first_after = {c.prompt_id: c for c in reversed(after)}
    shared = sorted(first_before.keys() & first_after.keys())[:SHOWN_SAMPLES]
    return [
        SamplePair(
            prompt=plain(prompts[key].prompt),
            before=plain(first_before[key].completion),
            after=plain(first_after[key].completion),
        )
        for key in shared
    ]

"""Makes the recorded runs that tests of the dashboard look at, by our own trainers.

    python tests/recordings/make.py [--workspace DIRECTORY] [NAME…]

In a workspace of its own, through the hub and its supervisors: the sample's prompts, completions
of the sample model, simulated annotators' labels, then every run of `RECORDINGS`. Of each run
directory the small files stay (what a dashboard reads); models, checkpoints and rows do not. Takes
some twenty minutes on two cores. A workspace that is named is kept, and what it holds already is
used again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from rlhf_tui.config.settings import load_settings
from rlhf_tui.demo.annotators import ANNOTATORS, Annotator
from rlhf_tui.demo.auto import SETTINGS
from rlhf_tui.exchange import import_file
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Done, Launch, Launched, RunAnswer, RunInfo, Shutdown, StopRun
from rlhf_tui.hub.watch import looks
from rlhf_tui.records import Split, TaskKind
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import processes
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.process import boot_id, signal_process
from rlhf_tui.sample_data import DIRECTORY as SAMPLE
from rlhf_tui.workspace import Workspace, find_workspace, init_workspace

HERE = Path(__file__).parent
LABELLED = 500
"""Prompts whose completions are labelled: enough for a reward model that judges well."""
KEPT = (
    "args.json", "status.json", "exit.json", "supervisor.json", "worker.json", "stop.json",
    "metrics.jsonl", "samples.jsonl", "distributions.jsonl", "machine.jsonl", "log.txt",
    "evaluation.json", "dataset/manifest.json",
)  # fmt: skip
"""Files of a run directory that are recorded, where it has them."""
MOST_SAMPLES = 120
MOST_DISTRIBUTIONS = 90
MOST_MACHINE = 120
"""Rows kept of a file, taken evenly; a small file is kept whole."""
PAID = "paid"
"""The module of the reward functions, copied into the workspace."""


@dataclass(frozen=True)
class Recording:
    """A run and what is done to it."""

    name: str
    kind: RunKind
    arguments: dict[str, Any] = field(default_factory=dict)
    disturb: Callable[[HubClient, RunInfo], None] | None = None
    """Done once it has made `at` steps."""
    at: int = 0
    ends: str = "finished"


def stop(client: HubClient, run: RunInfo) -> None:
    client.call(StopRun(run_id=run.run_id), RunAnswer)


def kill_all(_: HubClient, run: RunInfo) -> None:
    """The supervisor first: it would write down how the worker ended."""
    for mark in processes(Path(run.directory)):
        if mark is not None:
            signal_process(mark, signal.SIGKILL)


def take_memory(_: HubClient, run: RunInfo) -> None:
    """Let the worker have a little less memory than it has now, as on a machine that is full."""
    mark = processes(Path(run.directory))[1]
    assert mark is not None
    worker = psutil.Process(mark.pid)
    size = worker.memory_info().vms - 2**28
    worker.rlimit(psutil.RLIMIT_AS, (size, size))


def online(**more: Any) -> dict[str, Any]:
    return {"model": "sft-0001", "eval_prompts": 16, "eval_steps": 5} | more


def brief(**more: Any) -> dict[str, Any]:
    """What is over soon needs no large rollouts."""
    return judged(rollout_batch_size=24, eval_prompts=8, **more)


def judged(**more: Any) -> dict[str, Any]:
    return online(reward_model="rm-0001", **more)


RECORDINGS = (
    # As they should go.
    Recording("sft-good", "sft", {"eval_steps": 8}),
    Recording("rm-good", "rm", {"eval_steps": 20}),
    Recording("rm-good-2", "rm", {"seed": 2, "epochs": 2.0}),
    Recording("ppo-good", "ppo", judged(total_steps=40)),
    Recording(
        "ppo-good-2", "ppo", judged(seed=2, adaptive_kl=True, critic="separate", total_steps=50)
    ),
    Recording("dpo-good", "dpo", {"model": "sft-0001", "max_steps": 100, "eval_steps": 20}),
    Recording("kto-good", "kto", {"model": "sft-0001", "max_steps": 50, "eval_steps": 10}),
    Recording("rloo-good", "rloo", judged(total_steps=30)),
    Recording("grpo-good", "grpo", judged(total_steps=30)),
    # Astray by their arguments alone.
    Recording("ppo-kl", "ppo", judged(kl_coef=0.0, learning_rate=2e-3, total_steps=40)),
    Recording(
        "ppo-length",
        "ppo",
        online(
            rewards=[f"{PAID}:words"],
            kl_coef=0.0,
            missing_eos_penalty=0.0,
            learning_rate=1e-3,
            response_length=64,
            total_steps=40,
        ),
    ),
    Recording(
        "ppo-repeats",
        "ppo",
        online(
            rewards=[f"{PAID}:repeats"],
            kl_coef=0.0,
            missing_eos_penalty=0.0,
            learning_rate=2e-3,
            total_steps=40,
        ),
    ),
    Recording(
        "ppo-collapse",
        "ppo",
        online(
            rewards=[f"{PAID}:short"],
            kl_coef=0.0,
            missing_eos_penalty=0.0,
            learning_rate=2e-3,
            total_steps=30,
        ),
    ),
    Recording("ppo-clip", "ppo", brief(learning_rate=5e-3, num_ppo_epochs=6, total_steps=15)),
    Recording("rm-chance", "rm", {"dataset": "shuffled.jsonl", "max_steps": 60, "eval_steps": 20}),
    Recording(
        "dpo-chance",
        "dpo",
        {"model": "sft-0001", "dataset": "shuffled.jsonl", "max_steps": 45, "eval_steps": 15},
    ),
    Recording(
        "sft-overfit",
        "sft",
        {
            "dataset": "few.jsonl",
            "epochs": 40.0,
            "learning_rate": 3e-3,
            "batch_size": 8,
            "eval_steps": 10,
        },
    ),
    Recording(
        "dpo-displaced",
        "dpo",
        {"model": "sft-0001", "learning_rate": 3e-3, "max_steps": 40, "eval_steps": 20},
    ),
    Recording("sft-nan", "sft", {"learning_rate": 1e18, "max_grad_norm": 1e18}, ends="failed"),
    Recording("ppo-nan", "ppo", judged(learning_rate=1e18, max_grad_norm=1e18), ends="failed"),
    Recording("sft-still", "sft", {"learning_rate": 1e-9, "epochs": 4.0, "eval_steps": 16}),
    Recording(
        "grpo-alike",
        "grpo",
        online(rewards=[f"{PAID}:alike"], rollout_batch_size=8, total_steps=18),
    ),
    Recording("grpo-cut", "grpo", judged(rollout_batch_size=8, response_length=8, total_steps=15)),
    Recording("ppo-crash", "ppo", brief(rewards=[f"{PAID}:breaks"]), ends="failed"),
    Recording(
        "sft-memory", "sft", {"batch_size": 250, "epochs": 20.0}, take_memory, at=3, ends="failed"
    ),
    Recording("ppo-stopped", "ppo", brief(save_steps=10), stop, at=17, ends="stopped"),
    Recording("ppo-killed", "ppo", brief(save_steps=10), kill_all, at=17, ends="failed"),
)


class Studio:
    """The workspace that the runs are made in."""

    def __init__(self, workspace: Workspace, client: HubClient) -> None:
        self.workspace = workspace
        self.client = client

    def prepare(self) -> None:
        """Prompts, labels, the policy that the online runs begin from, and their reward model."""
        if (self.workspace.runs / "rm-0001" / layout.EXIT).exists():
            return
        label = load_settings(self.workspace).label
        files: tuple[tuple[str, Split | None], ...] = (
            ("prompts-train.jsonl", None),
            ("prompts-test.jsonl", "test"),
            ("demonstrations.jsonl", None),
        )
        for name, split in files:
            import_file(self.client, SAMPLE / name, label=label, split=split)
        self.run(Recording("", "generate", {"model": "sample", "limit": LABELLED}))
        people = [Annotator(self.workspace, care, 0) for care in ANNOTATORS]
        kinds: tuple[TaskKind, ...] = ("rank", "thumbs")
        for kind in kinds:
            with ThreadPoolExecutor(len(people)) as pool:
                jobs = [pool.submit(one.work, kind, lambda _: None) for one in people]
                for job in jobs:
                    job.result()
        self.run(Recording("", "sft"))
        self.run(Recording("", "rm"))

    def files(self) -> None:
        """Files that some runs learn from: labels that say nothing, and very few demonstrations."""
        root = self.workspace.root
        shutil.copy(HERE / "paid.py", root / f"{PAID}.py")
        rng = random.Random(0)
        texts = [
            json.loads(line) for line in (SAMPLE / "completions.jsonl").read_text().splitlines()
        ]
        with (root / "shuffled.jsonl").open("w") as file:
            for row in texts:
                for _ in range(6):
                    chosen, rejected = rng.sample(row["completions"], 2)
                    pair = {"prompt": row["prompt"], "chosen": chosen, "rejected": rejected}
                    file.write(json.dumps(pair) + "\n")
        few = (SAMPLE / "demonstrations.jsonl").read_text().splitlines()[:48]
        (root / "few.jsonl").write_text("\n".join(few) + "\n")

    def run(self, recording: Recording) -> RunInfo:
        """Make a run and see it to its end."""
        arguments = dict(recording.arguments)
        if "dataset" in arguments:
            arguments["dataset"] = str(self.workspace.root / arguments["dataset"])
        began = time.monotonic()
        cwd = str(self.workspace.root)
        launch = Launch(kind=recording.kind, arguments=arguments, title=recording.name, cwd=cwd)
        launched = self.client.call(launch, Launched)
        disturbed = recording.disturb is None
        for info, status in looks(self.client, launched.run_id):
            run = info
            if not disturbed and status is not None and status.step >= recording.at:
                disturbed = True
                recording.disturb(self.client, info)  # type: ignore[misc]
        if run.state != recording.ends:
            raise SystemExit(f"{recording.name}: {run.run_id} is {run.state}: {run.message}")
        print(f"{recording.name or run.run_id}: {time.monotonic() - began:.0f} s", flush=True)
        return run

    def record(self, recording: Recording) -> None:
        """Make a run and keep its small files beside this one."""
        run = self.run(recording)
        target = HERE / recording.name
        shutil.rmtree(target, ignore_errors=True)
        for name in KEPT:
            source = Path(run.directory) / name
            if source.exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_text(self.neutral(source.read_text()))
        thin(target / layout.SAMPLES, MOST_SAMPLES, "step")
        thin(target / layout.DISTRIBUTIONS, MOST_DISTRIBUTIONS, "step")
        thin(target / layout.MACHINE, MOST_MACHINE, "time")

    def neutral(self, text: str) -> str:
        """Without the names of this machine and of its directories."""
        for here, there in (
            (str(self.workspace.root), "/workspace"),
            (str(SAMPLE), "/sample"),
            (str(HERE.parents[1]), "/rlhf-tui"),
            (f'"host": "{socket.gethostname()}"', '"host": ""'),
            (f'"host":"{socket.gethostname()}"', '"host":""'),
            (boot_id(), ""),
        ):
            text = text.replace(here, there)
        return text


def thin(path: Path, most: int, by: str) -> None:
    """Keep whole groups of rows (of a step, say), taken evenly, with the first and the last."""
    if not path.exists():
        return
    groups: dict[Any, list[str]] = {}
    for line in path.read_text().splitlines():
        groups.setdefault(json.loads(line)[by], []).append(line)
    rows = sum(map(len, groups.values()))
    count = max(2, len(groups) * most // max(rows, 1))
    if rows <= most or len(groups) <= count:
        return
    keys = list(groups)
    taken = sorted({round(i * (len(keys) - 1) / (count - 1)) for i in range(count)})
    path.write_text("".join(line + "\n" for i in taken for line in groups[keys[i]]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, help="make them there, and keep it")
    parser.add_argument("names", nargs="*", help="recordings; all without any")
    given = parser.parse_args()
    known = {recording.name: recording for recording in RECORDINGS}
    unknown = [name for name in given.names if name not in known]
    if unknown:
        sys.exit(f"There are no recordings {', '.join(unknown)}. Known: {', '.join(known)}.")
    with tempfile.TemporaryDirectory() as temporary:
        root = (given.workspace or Path(temporary) / "workspace").resolve()
        workspace = (
            find_workspace(root)
            if (root / "rlhf.toml").exists()
            else init_workspace(root, name="recordings", seed=0, settings=SETTINGS)
        )
        with HubClient(workspace, client="demo") as client:
            studio = Studio(workspace, client)
            studio.prepare()
            studio.files()
            for name in given.names or known:
                studio.record(known[name])
            client.call(Shutdown(force=True), Done)


if __name__ == "__main__":
    main()

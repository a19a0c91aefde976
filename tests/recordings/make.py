"""Makes the recorded runs that tests of the dashboard look at, by our own trainers.

    python tests/recordings/make.py [--workspace DIRECTORY] [NAME…]

In a workspace of its own, through the hub and its supervisors: the sample's prompts, completions
of the sample model, simulated annotators' labels, then every run of `RECORDINGS`. Of each run
directory the small files stay (what a dashboard reads); models, checkpoints and rows do not. Takes
some thirty minutes on two cores. A workspace that is named is kept, and what it holds already is
used again. `sft-disk` is made only where the workspace's disk is nearly full (a small tmpfs with
the copy of a workspace), and left out elsewhere. Runs that go astray are chaotic: on another
machine, or after a change of the trainers, one may need another seed to show what it is there for.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from others import OTHERS
from scenes import PAID, RECORDINGS, Recording, kill_all

from rlhf_tui.config.settings import load_settings
from rlhf_tui.demo.annotators import ANNOTATORS, Annotator
from rlhf_tui.demo.auto import SETTINGS
from rlhf_tui.exchange import import_file
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Done, Launch, Launched, RunInfo, Shutdown
from rlhf_tui.hub.watch import looks
from rlhf_tui.records import Split, TaskKind
from rlhf_tui.runs import layout
from rlhf_tui.runs.process import boot_id
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
        """Files that some runs learn from: labels that say nothing, very few demonstrations, and
        demonstrations of which one in forty is broken."""
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
        shown = (SAMPLE / "demonstrations.jsonl").read_text().splitlines()
        (root / "few.jsonl").write_text("\n".join(shown[:48]) + "\n")
        for place in range(20, len(shown), 40):
            noise = "".join(rng.choices("@#%&{}[]<>|~^", k=400))
            row = json.loads(shown[place]) | {"completion": noise}
            shown[place] = json.dumps(row)
        (root / "broken.jsonl").write_text("\n".join(shown) + "\n")

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
            if recording.ends == "lost" and run.lost:
                break
        if recording.ends != ("lost" if run.lost else run.state):
            raise SystemExit(f"{recording.name}: {run.run_id} is {run.state}: {run.message}")
        print(f"{recording.name or run.run_id}: {time.monotonic() - began:.0f} s", flush=True)
        return run

    def record(self, recording: Recording) -> None:
        """Make a run and keep its small files beside this one."""
        disk = shutil.disk_usage(self.workspace.root)
        if recording.cramped and (disk.free > 0.2 * disk.total or disk.free > 1e9):
            share = disk.free / disk.total
            print(f"{recording.name}: left out, {share:.0%} of the disk are free", flush=True)
            return
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
        if recording.ends == "lost":
            kill_all(self.client, run)

    def neutral(self, text: str) -> str:
        """Without the names of this machine and of its directories."""
        for here, there in (
            (str(self.workspace.root), "/workspace"),
            (str(SAMPLE), "/sample"),
            (str(HERE.parents[1]), "/rlhf-tui"),
            (sys.prefix, "/rlhf-tui/.venv"),
            (sys.base_prefix, "/python"),
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
    names = given.names or [*known, *OTHERS]
    unknown = [name for name in names if name not in known and name not in OTHERS]
    if unknown:
        known_names = ", ".join([*known, *OTHERS])
        sys.exit(f"There are no recordings {', '.join(unknown)}. Known: {known_names}.")
    for name in names:
        if name in OTHERS:
            OTHERS[name](HERE / name)
    ours = [known[name] for name in names if name in known]
    if not ours:
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = (given.workspace or Path(temporary) / "workspace").resolve()
        workspace = (
            find_workspace(root)
            if (root / "rlhf.toml").exists()
            else init_workspace(root, name="recordings", seed=0, settings=SETTINGS)
        )
        with HubClient(workspace, client="demo") as client:
            try:
                studio = Studio(workspace, client)
                studio.prepare()
                studio.files()
                for recording in ours:
                    studio.record(recording)
            finally:
                client.call(Shutdown(force=True), Done)


if __name__ == "__main__":
    main()

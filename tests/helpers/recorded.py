"""Run directories as finished or living runs leave them, and a hub that lists them."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.errors import HubError, RlhfError
from rlhf_tui.hub.messages import (
    Answer,
    Launch,
    Launched,
    ListRuns,
    Request,
    ResumeRun,
    RunAnswer,
    RunInfo,
    RunList,
    ShowRun,
    StopRun,
    Welcome,
)
from rlhf_tui.records import Event
from rlhf_tui.runs.layout import (
    ProcessMark,
    RunArguments,
    RunExit,
    RunKind,
    RunStatus,
    State,
    write_atomic,
)

A = TypeVar("A", bound=Answer)
NOWHERE = ProcessMark(pid=4_000_000, started=1.0, host="", boot_id="")
"""A process that does not live."""


def metrics(kind: RunKind, step: int, total: int, rng: random.Random) -> dict[str, Any]:
    """A metrics line as a run of this kind logs it."""
    share = step / total

    def noise(size: float) -> float:
        return rng.gauss(0, size)

    row: dict[str, Any] = {"step": step, "time": 1_700_000_000 + step * 2.5}
    if kind == "sft":
        row |= {
            "loss": 4.2 * math.exp(-3 * share) + 1.1 + noise(0.08),
            "grad_norm": abs(1.4 * math.exp(-2 * share) + noise(0.2)) + 0.2,
            "learning_rate": 5e-4 * (1 - share),
            "mean_token_accuracy": min(0.9, 0.25 + 0.4 * share + noise(0.01)),
            "entropy": 3.5 - 1.5 * share + noise(0.05),
            "num_tokens": step * 2048,
        }
        if step % max(1, total // 8) == 0:
            row |= {"eval_loss": 4.2 * math.exp(-3 * share) + 1.25}
    elif kind == "rm":
        row |= {
            "loss": 0.69 * math.exp(-2 * share) + 0.1 + noise(0.04),
            "accuracy": min(1.0, 0.5 + 0.42 * share + noise(0.04)),
            "margin": 3 * share + noise(0.2),
            "mean_reward": noise(0.1),
            "min_reward": -2 * share - 0.5 + noise(0.1),
            "max_reward": 2 * share + 0.5 + noise(0.1),
            "grad_norm": abs(noise(1.0)) + 0.5,
            "learning_rate": 1e-4 * (1 - share),
        }
    elif kind == "ppo":
        row |= {
            "objective/scores": -1 + 3.2 * share**0.6 + noise(0.2),
            "objective/kl": 9 * share**1.4 + abs(noise(0.4)),
            "objective/rlhf_reward": -1 + 2.7 * share**0.6 + noise(0.2),
            "loss/policy_avg": -0.01 + noise(0.01),
            "loss/value_avg": 0.6 * math.exp(-2 * share) + abs(noise(0.05)),
            "policy/entropy_avg": 3.1 - 1.1 * share + noise(0.05),
            "policy/clipfrac_avg": abs(0.06 + noise(0.03)),
            "policy/approxkl_avg": abs(0.01 + noise(0.004)),
            "val/ratio": 1 + noise(0.01),
            "response_length": 24 + noise(1.5),
            "lr": 1e-4 * (1 - share),
            "episode": step * 64,
            "beta": 0.05,
            "tokens_per_second": 5200 + noise(200),
        }
    elif kind in ("dpo", "kto"):
        row |= {
            "loss": 0.69 * math.exp(-share) + noise(0.03),
            "rewards/chosen": 0.4 * share + noise(0.05),
            "rewards/rejected": -1.6 * share + noise(0.05),
            "rewards/margins": 2 * share + noise(0.08),
            "logps/chosen": -40 + 4 * share + noise(0.5),
            "logps/rejected": -42 - 16 * share + noise(0.5),
            "entropy": 3 - 0.6 * share + noise(0.05),
            "grad_norm": abs(noise(1.0)) + 0.5,
            "learning_rate": 5e-6 * (1 - share),
        }
        if kind == "dpo":
            row["rewards/accuracies"] = min(1.0, 0.5 + 0.4 * share + noise(0.04))
        else:
            row["kl"] = 3 * share + abs(noise(0.1))
        if step % max(1, total // 8) == 0:
            row |= {"eval_loss": 0.7 * math.exp(-0.8 * share), "eval_rewards/margins": 1.7 * share}
    elif kind in ("rloo", "grpo"):
        row |= {
            "reward": -1 + 3 * share**0.6 + noise(0.2),
            "reward_std": 0.8 - 0.4 * share + noise(0.03),
            "frac_reward_zero_std": 0.3 * share,
            "kl": 0.1 * share + abs(noise(0.004)),
            "completions/mean_length": 24 + noise(1.5),
            "completions/clipped_ratio": 0.2 * (1 - share),
            "clip_ratio/region_mean": abs(noise(0.02)),
            "entropy": 3 - share + noise(0.05),
            "loss": noise(0.02),
            "grad_norm": abs(noise(1.0)) + 0.5,
            "learning_rate": 1e-5 * (1 - share),
            "rewards/rm-0001/mean": -1 + 3 * share**0.6 + noise(0.2),
        }
        if step % max(1, total // 8) == 0:
            row |= {"eval/reward": -1 + 2.8 * share**0.6, "eval/kl": 4 * share}
    else:
        row |= {"completions": step * 64, "tokens_per_second": 5200 + noise(300)}
    return row


def write_run(
    runs: Path,
    run_id: str,
    *,
    kind: RunKind = "ppo",
    state: State = "finished",
    steps: int = 150,
    total: int = 150,
    title: str = "",
    message: str = "",
    created: float | None = None,
    arguments: dict[str, Any] | None = None,
) -> Path:
    """A run directory in the state it has after `steps` of `total` steps."""
    directory = runs / run_id
    directory.mkdir(parents=True)
    created = time.time() - 3600 if created is None else created
    options = msgspec.structs.asdict(OPTIONS[kind](**(arguments or {})))
    write_atomic(
        directory / "args.json",
        RunArguments(
            run_id,
            kind,
            options,
            title,
            created_ms=round(created * 1000),
            versions={"torch": "2.13.0"},
        ),
    )
    if state == "queued":
        return directory
    rng = random.Random(run_id)
    lines = [json.dumps(metrics(kind, step, total, rng)) for step in range(1, steps + 1)]
    (directory / "metrics.jsonl").write_text("".join(line + "\n" for line in lines))
    (directory / "log.txt").write_text("".join(f"step {n}: saved\n" for n in range(1, steps + 1)))
    samples = [
        {
            "step": step,
            "prompt": "This film",
            "completion": " was a quiet marvel, and the cast was superb from start to end.",
            "reward": round(rng.gauss(1, 0.5), 3),
            "kl": round(abs(rng.gauss(5, 1)), 3),
        }
        for step in range(25, steps + 1, 25)
    ]
    (directory / "samples.jsonl").write_text("".join(json.dumps(s) + "\n" for s in samples))
    phases: dict[State, Any] = {"finished": "finished", "stopped": "stopped", "failed": "failed"}
    updated = created + steps * 2.5
    write_atomic(
        directory / "status.json",
        RunStatus(phases.get(state, "running"), NOWHERE, updated, steps, total, message),
    )
    if state in phases:
        code = 1 if state == "failed" else 0
        write_atomic(directory / "exit.json", RunExit(code, None, False, updated, message))
    return directory


def info_of(directory: Path, state: State = "finished", **changes: Any) -> RunInfo:
    """What the hub says of a recorded run."""
    arguments = msgspec.json.decode((directory / "args.json").read_bytes(), type=RunArguments)
    status_file = directory / "status.json"
    status = (
        msgspec.json.decode(status_file.read_bytes(), type=RunStatus)
        if status_file.exists()
        else None
    )
    info = RunInfo(
        run_id=arguments.run_id,
        kind=arguments.kind,
        state=state,
        title=arguments.title,
        directory=str(directory),
        created_ms=arguments.created_ms,
        started_ms=arguments.created_ms if status else 0,
        status=status,
        message=status.message if status else "",
    )
    if status and state in ("finished", "stopped", "failed"):
        info.ended_ms = round(status.updated * 1000)
    return msgspec.structs.replace(info, **changes)


class FakeLink:
    """A hub that answers from a list."""

    def __init__(self, infos: list[RunInfo] | None = None) -> None:
        self.infos = infos or []
        self.connected = True
        self.spooled = 0
        self.trouble = ""
        self.welcome: Welcome | None = Welcome("0.1.0", "/w", "anna", "owner", 1)
        self.on_change: Callable[[str], None] | None = None
        self.asked: list[Request] = []
        self.refuse: RlhfError | None = None
        self.launched: Launched | None = None

    async def start(self) -> None:
        return None

    async def call(self, request: Request, answer: type[A]) -> A:
        if not self.connected:
            raise HubError("The hub is away.")
        self.asked.append(request)
        if self.refuse is not None and not isinstance(request, ListRuns):
            raise self.refuse
        found: Answer
        if isinstance(request, ListRuns):
            found = RunList(list(self.infos))
        elif isinstance(request, ShowRun):
            found = RunAnswer(next(i for i in self.infos if i.run_id == request.run_id))
        elif isinstance(request, Launch) and self.launched is not None:
            found = self.launched
        elif isinstance(request, StopRun):
            found = RunAnswer(next(i for i in self.infos if i.run_id == request.run_id))
        elif isinstance(request, ResumeRun):
            found = Launched(request.run_id, "queued", "", ["It goes on from step-000040."])
        else:
            raise HubError(f"This hub does not answer {type(request).__name__}.")
        assert isinstance(found, answer)
        return found

    async def submit(self, event: Event) -> Literal["saved", "spooled"]:
        raise AssertionError("the dashboard submits no events")

    async def close(self) -> None:
        return None

"""Pictures of the charts: compared, zoomed, searched, with crosshair and lines across.

After a wanted change: UPDATE_PICTURES=1 pytest tests/screens_dashboard/test_charts_pictures.py,
then look at the SVG files in tests/screens_dashboard/pictures.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from textual.pilot import Pilot

from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")
THREE = "o j o j"
SHOTS: list[tuple[str, str, tuple[int, int], str, str]] = [
    ("compared-80x24", "ppo-0011", (80, 24), THREE, ""),
    ("compared-200x60", "ppo-0011", (200, 60), THREE + " s s", ""),
    ("compared-mono-120x30", "ppo-0011", (120, 30), THREE, "rlhf-mono"),
    ("compared-full-80x24", "ppo-0011", (80, 24), THREE + " f", ""),
    ("crosshair-80x24", "ppo-0011", (80, 24), "c N N left", ""),
    ("crosshair-200x60", "ppo-0011", (200, 60), "c N N left", ""),
    ("crosshair-ascii-80x24", "rm-0011", (80, 24), "c N", ""),
    ("zoomed-80x24", "ppo-0011", (80, 24), "+ + [", ""),
    ("time-80x24", "ppo-0011", (80, 24), "t", ""),
    ("tokens-200x60", "ppo-0011", (200, 60), "t t", ""),
    ("search-120x30", "ppo-0011", (120, 30), "slash k l enter", ""),
    ("people-80x24", "rm-0011", (80, 24), "", ""),
    ("people-200x60", "rm-0011", (200, 60), "", ""),
    ("people-light-120x30", "rm-0011", (120, 30), "s s", "rlhf-light"),
]


def fill(directory: Path, seed: int, steps: int) -> None:
    """Metrics as our PPO and reward-model runs log them."""
    rng = random.Random(seed)
    kind = directory.name.split("-")[0]
    rows: list[dict[str, Any]] = []
    if kind == "rm":
        rows.append({"step": 0, "time": 1.7e9, "human_agreement": 0.78, "human_accuracy": 0.87})
    for step in range(1, steps + 1):
        share = step / 150
        row: dict[str, Any] = {"step": step, "time": 1.7e9 + step * (30 + 8 * seed)}
        if kind == "rm":
            row |= {
                "loss": 0.69 * math.exp(-2 * share) + rng.gauss(0.1, 0.04),
                "accuracy": min(1.0, 0.5 + 0.42 * share + rng.gauss(0, 0.04)),
                "margin": 3 * share + rng.gauss(0, 0.2),
                "mean_reward": rng.gauss(0, 0.1),
                "min_reward": -2 * share - 0.5 + rng.gauss(0, 0.1),
                "max_reward": 2 * share + 0.5 + rng.gauss(0, 0.1),
            }
            if step % 20 == 0:
                row |= {"eval_accuracy": 0.5 + 0.3 * share, "eval_loss": 0.7 * math.exp(-share)}
        else:
            row |= {
                "objective/scores": -1 + 3 * share**0.6 + rng.gauss(0, 0.2) - seed / 2,
                "objective/kl": 9 * share**1.4 * (1 + seed / 4) + abs(rng.gauss(0, 0.4)),
                "loss/policy_avg": rng.gauss(-0.01, 0.01),
                "loss/value_avg": 0.6 * math.exp(-2 * share) + abs(rng.gauss(0, 0.05)),
                "policy/clipfrac_avg": abs(rng.gauss(0.06, 0.03)),
                "policy/entropy_avg": 3.1 - 1.1 * share + rng.gauss(0, 0.05),
                "response_length": rng.gauss(24, 1.5),
                "val/explained_variance": 1 - math.exp(-3 * share) + rng.gauss(0, 0.05),
                "time/rollout": rng.gauss(0.6, 0.03),
                "time/reward": rng.gauss(0.2, 0.01),
                "time/update": rng.gauss(0.9, 0.05),
                "objective/rlhf_reward": -1 + 2 * share**0.6 + rng.gauss(0, 0.2),
                "lr": 1e-4 * (1 - share),
                "num_tokens": step * 64 * 24,
            }
            if step % 20 == 0:
                row |= {"eval/reward": -1 + 3 * share**0.6, "eval/kl": 8 * share}
        rows.append(row)
    (directory / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def recorded(workspace: Workspace, link: FakeLink) -> None:
    """Three PPO runs, of which one still runs, and a reward model."""
    link.infos[:] = []
    for place, (run_id, steps, title) in enumerate(
        [
            ("ppo-0011", 83, "kl 0.02, longer"),
            ("ppo-0012", 150, "kl 0.05"),
            ("ppo-0013", 110, "first"),
            ("rm-0011", 120, ""),
        ]
    ):
        state = "finished" if place else "running"
        directory = write_run(
            workspace.runs,
            run_id,
            kind="rm" if run_id.startswith("rm") else "ppo",
            state=state,  # type: ignore[arg-type]
            steps=steps,
            total=150,
            title=title,
            created=NOW - 3000 * (place + 1),
            arguments={} if run_id.startswith("rm") else {"adaptive_kl": True},
        )
        fill(directory, place, steps)
        link.infos.append(info_of(directory, state))  # type: ignore[arg-type]


@pytest.mark.usefixtures("frozen", "recorded")
@pytest.mark.parametrize(("name", "run_id", "size", "keys", "theme"), SHOTS)
async def test_picture(
    name: str,
    run_id: str,
    size: tuple[int, int],
    keys: str,
    theme: str,
    program: Any,
    workspace: Workspace,
    until: Until,
) -> None:
    if "ascii" in name:
        workspace.config.write_text('[display]\nascii = "yes"\n')
    async with program(f"dashboard:{run_id}", size) as pilot:
        charts = pilot.app.screen.charts
        last = 83 if run_id == "ppo-0011" else 120

        def ready() -> bool:
            """All of every run is read, and the arguments are known."""
            curves = charts.curves
            return (
                any(curve.series.steps[-1] >= last - 3 for curve in curves)
                and bool(charts._arguments)
                and all(len(drawing.curves) == compared for drawing in charts.drawings[:1])
            )

        compared = 2
        await until(pilot, ready)
        if theme:
            pilot.app.theme = theme
        for key in keys.split():
            await pilot.press(key)
        if keys.startswith(THREE):
            compared = 3
            await until(pilot, lambda: charts._chosen.run_id == "ppo-0013" and ready())
        await same_as_kept(pilot.app, pilot, PICTURES / f"charts-{name}.svg")

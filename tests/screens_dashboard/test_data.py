"""The data pane: what is in the data set, and where the run stands between prompts and policy."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_data import DataPane
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any
PICTURES = Path(__file__).with_name("pictures")


@pytest.fixture
def infos() -> list[RunInfo]:
    """No runs but those of this file."""
    return []


def manifest(kind: str, spec: dict[str, Any], rows: dict[str, int], **more: Any) -> dict[str, Any]:
    total = sum(rows.values())
    return {
        "kind": kind,
        "rows": rows,
        "last_seq": 9800,
        "sha256": {f"{name}.parquet": name[0] * 64 for name in rows},
        "spec": spec,
        "created_ms": round(NOW * 1000) - 5_000_000,
        "notes": [f"{total:,} rows from 3 annotators; 377 ties left out."],
        **more,
    }


@pytest.fixture
def family(workspace: Workspace, link: FakeLink) -> dict[str, RunInfo]:
    """SFT and reward model, the policy made of them, and what it wrote; and an unrelated run."""
    demonstrations = {"kind": "prompt-completion"}
    pairs = {"kind": "preference", "splits": ["train", "validation"], "min_agreement": 0.5}
    both = {"train": 1200, "validation": 130}
    made: list[tuple[str, dict[str, str], dict[str, Any], dict[str, float]]] = [
        ("generate-0002", {"model": "ppo-0001"},
         manifest("generate", {"kind": "prompt-only"}, {"train": 90}), {}),
        ("ppo-0001", {"model": "sft-0001", "reward_model": "rm-0001"},
         manifest("ppo", {"kind": "prompt-only"}, both), {"objective/scores": 1.75}),
        ("rm-0001", {}, manifest("rm", pairs, both), {"eval_accuracy": 0.8125}),
        ("sft-0001", {}, manifest("sft", demonstrations, both), {"eval_loss": 1.5}),
        ("dpo-0001", {}, manifest("dpo", pairs, both), {}),
    ]  # fmt: skip
    for place, (run_id, lineage, data, figures) in enumerate(made):
        kind: Any = run_id.partition("-")[0]
        directory = write_run(
            workspace.runs, run_id, kind=kind, steps=5, total=5, created=NOW - 1000 * (place + 1)
        )
        for name, changes in (
            ("args.json", {"lineage": lineage}),
            ("status.json", {"metrics": figures}),
        ):
            document = json.loads((directory / name).read_text())
            (directory / name).write_text(json.dumps(document | changes))
        (directory / "dataset").mkdir()
        (directory / "dataset" / "manifest.json").write_text(json.dumps(data))
        link.infos.append(info_of(directory, current=run_id == "ppo-0001"))
    return {info.run_id: info for info in link.infos}


def pane(pilot: Pilot[int]) -> DataPane:
    screen = pilot.app.screen
    assert isinstance(screen, DashboardScreen)
    assert isinstance(screen.pane, DataPane)
    return screen.pane


async def opened(pilot: Pilot[int], until: Until, shows: str) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, DashboardScreen)
    await until(pilot, lambda: screen.followed is not None)
    await pilot.press("8")
    await until(pilot, lambda: shows in pane(pilot).text)


TREE = """\
where it comes from, and what came of it
prompts and labels of the workspace
├─ snapshot of sft-0001  1,200 demonstrations and 130 to validate, of the labels up to event 9,800
│  └─ ✓ sft-0001  sft from sample · eval_loss 1.5
│     └─ ✓ ▸ppo-0001  the current policy · ppo on 1,200 prompts and 130 to validate · reward model \
rm-0001 · objective/scores 1.75
│        └─ ✓ generate-0002  generate on 90 prompts
└─ snapshot of rm-0001  1,200 preference pairs and 130 to validate, of the labels up to event 9,800
   └─ ✓ rm-0001  rm from sample · eval_accuracy 0.8125
"""


@pytest.mark.usefixtures("family")
async def test_from_prompts_to_the_policy(program: Open, until: Until) -> None:
    async with program("dashboard:ppo-0001", (200, 60)) as pilot:
        await opened(pilot, until, "data set")
        assert pane(pilot).text.startswith(TREE)
        assert "dpo-0001" not in pane(pilot).text
        await pilot.press("j")
        await until(pilot, lambda: "▸rm-0001" in pane(pilot).text)
        # Of what came of it: its other parent is told, though it is no relative.
        assert "model sft-0001" in pane(pilot).text
        assert "snapshot of sft-0001" not in pane(pilot).text


async def test_whose_completions_were_labelled(
    workspace: Workspace, family: dict[str, RunInfo], program: Open, until: Until
) -> None:
    """The tree is there at once; a process of its own then looks into the data sets."""
    pairs = {"chosen_id": ["c1"], "rejected_id": ["c2"]}
    pq.write_table(pa.table(pairs), workspace.runs / "dpo-0001" / "dataset" / "train.parquet")
    lines = "".join(json.dumps({"completion_id": one}) + "\n" for one in ("c1", "c2"))
    (workspace.runs / "generate-0002" / "completions.jsonl").write_text(lines)
    async with program("dashboard:ppo-0001", (200, 60)) as pilot:
        await opened(pilot, until, "generate-0002")
        await until(pilot, lambda: "│           └─ ✓ dpo-0001" in pane(pilot).text)


@pytest.mark.usefixtures("family")
async def test_what_is_in_the_data_set(program: Open, until: Until) -> None:
    async with program("dashboard:rm-0001", (120, 30)) as pilot:
        await opened(pilot, until, "data set")
        text = "\n".join("".join(part for part, _ in row) for row in pane(pilot).all_rows)
        assert "1,330 rows from 3 annotators; 377 ties left out." in text
        assert "a prompt, the better and the worse completion" in text
        assert "train.parquet      1,200 rows" in text
        assert "validation.parquet 130 rows" in text
        assert "of the labels up to event 9,800" in text
        assert "asked: min agreement 0.5" in text
        assert f"sha256 train.parquet {'t' * 64}" in text


async def test_parents_that_are_gone_or_put_away(
    workspace: Workspace, family: dict[str, RunInfo], link: FakeLink, program: Open, until: Until
) -> None:
    (workspace.runs / "sft-0001").rename(workspace.root / "elsewhere")
    link.infos[:] = [family["ppo-0001"]]
    async with program("dashboard:ppo-0001", (200, 60)) as pilot:
        await opened(pilot, until, "gone, or never in this workspace")
        text = pane(pilot).text
        assert "? sft-0001  gone" in text
        assert "○ rm-0001  not in the list: put away, or older than it goes back" in text


async def test_broken_and_absent_manifests(
    workspace: Workspace, family: dict[str, RunInfo], program: Open, until: Until
) -> None:
    (workspace.runs / "rm-0001" / "dataset" / "manifest.json").write_text('{"rows": 7}')
    (workspace.runs / "dpo-0001" / "dataset" / "manifest.json").unlink()
    async with program("dashboard:rm-0001", (120, 30)) as pilot:
        await opened(pilot, until, "cannot be read")
        assert "▸rm-0001" in pane(pilot).text
        await pilot.press("j", "j")
        await until(pilot, lambda: "None is recorded in its directory." in pane(pilot).text)
        assert "a data set that is not recorded" in pane(pilot).text


async def test_what_another_program_wrote(
    workspace: Workspace, family: dict[str, RunInfo], link: FakeLink, program: Open, until: Until
) -> None:
    link.infos[:] = [RunInfo("log", "log", "finished", "", str(workspace.root / "x.csv"), 1)]
    async with program("dashboard", (80, 24)) as pilot:
        await opened(pilot, until, "Another program wrote this")


async def test_names_from_files_cannot_act_on_the_terminal(
    workspace: Workspace, family: dict[str, RunInfo], program: Open, until: Until
) -> None:
    workspace.config.write_text('[display]\nascii = "yes"\n')
    evil = "/data/\x1b]52;c;aGk=\x07\u202eä [@click=app.quit]x.jsonl"
    source = {"path": evil, "sha256": "s" * 64, "format": "trl", "rows": 5, "rejected": 2}
    data = manifest("rm", {"kind": "preference", "runs": ["generate-\x1b[2J"]}, {"train": 5})
    path = workspace.runs / "rm-0001" / "dataset" / "manifest.json"
    path.write_text(json.dumps(data | {"source": source, "notes": [evil]}))
    async with program("dashboard:rm-0001", (80, 24)) as pilot:
        await opened(pilot, until, "generate-")
        text = "\n".join("".join(part for part, _ in row) for row in pane(pilot).all_rows)
        assert text.isascii()
        assert not {c for c in text if ord(c) < 32 and c != "\n"}
        assert "2 rows" in text


@pytest.mark.usefixtures("frozen", "family")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_pictures(size: tuple[int, int], program: Open, until: Until) -> None:
    async with program("dashboard:ppo-0001", size) as pilot:
        await opened(pilot, until, "snapshot of rm-0001")
        name = f"data-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)  # type: ignore[arg-type]

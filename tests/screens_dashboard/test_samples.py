"""The samples pane: steps, the reference beside, what differs, finding, and ranking one."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.hubs import HubProcess
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from textual.pilot import Pilot

from rlhf_tui.errors import InputError
from rlhf_tui.hub.aio import AsyncHub
from rlhf_tui.hub.messages import (
    GetItem,
    Ingest,
    ItemAnswer,
    Progress,
    ProgressAnswer,
    RunInfo,
)
from rlhf_tui.runs.layout import SampleRow
from rlhf_tui.screens.dashboard_label import put_up
from rlhf_tui.screens.dashboard_samples import SamplesPane
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")


def write_samples(directory: Path) -> None:
    """Three prompts, asked before training and at two steps, and of the reference."""
    rows: list[dict[str, Any]] = []
    for index, film in enumerate(("The harbour", "A winter's tale", "Nine lives")):
        prompt = f"Review of {film}:"
        before = f" It is a film about {film.lower()}, and it is dull from start to end."
        rows.append(
            {"step": 0, "prompt": prompt, "completion": before, "reward": -1.0, "by": "reference"}
        )
        rows.append({"step": 0, "prompt": prompt, "completion": before, "reward": -1.0, "kl": 0.0})
        for step, word in ((50, "fine"), (100, "superb")):
            text = f" It is a film about {film.lower()}, and it is {word} from start to end."
            reward = step / 50 + index / 10
            rows.append(
                {
                    "step": step,
                    "prompt": prompt,
                    "completion": text,
                    "reward": reward,
                    "kl": step / 20,
                }
            )
    (directory / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def sampled(workspace: Workspace, link: FakeLink) -> Path:
    directory = write_run(workspace.runs, "ppo-0007", steps=100, total=100, created=1.7636e9)
    write_samples(directory)
    link.infos[:] = [info_of(directory)]
    return directory


def pane(pilot: Pilot[int]) -> SamplesPane:
    found: SamplesPane = pilot.app.screen.samples  # type: ignore[attr-defined]
    return found


@pytest.mark.usefixtures("sampled")
async def test_steps_and_the_reference_beside(program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "superb" in pane(pilot).text)
        assert re.search(r"reference  reward -1 +│ step 100  reward 2 \(\+3\)", pane(pilot).text)
        assert "mean reward 2.1, reference -1" in pane(pilot).text
        await pilot.press("left")
        assert "fine" in pane(pilot).text
        assert "superb" not in pane(pilot).text
        await pilot.press("N")
        assert pane(pilot).step == 0
        # The policy before training wrote the same as the reference.
        assert pane(pilot).text.count("dull") > 1
        await pilot.press("n")
        assert pane(pilot).step == 100
        await pilot.press("d")
        assert "[-dull-]{+superb+}" in pane(pilot).text
        await pilot.press("d")
        assert "[-" not in pane(pilot).text


async def test_the_newest_step_is_followed(sampled: Path, program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "superb" in pane(pilot).text)
        row = {"step": 150, "prompt": "Review of Nine lives:", "completion": " Later."}
        with (sampled / "samples.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        pilot.app.screen.look_again()  # type: ignore[attr-defined]
        pilot.app.screen._settled.clear()  # type: ignore[attr-defined]
        await until(pilot, lambda: pane(pilot).step == 150)
        await pilot.press("left")
        assert pane(pilot).step == 100


@pytest.mark.usefixtures("sampled")
async def test_narrow_terminals_stack_the_answers(program: Any, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "superb" in pane(pilot).text)
        assert "│" not in pane(pilot).text
        assert pane(pilot).text.index("dull") < pane(pilot).text.index("superb")
        await pilot.press("J", "J")
        await until(pilot, lambda: "Nine lives" in pane(pilot).text)
        assert pane(pilot).prompt == 2


@pytest.mark.usefixtures("sampled")
async def test_finding(program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "superb" in pane(pilot).text)
        await pilot.press("slash", *"FINE", "enter")
        await until(pilot, lambda: pane(pilot).step == 50)
        assert "3 found" in pane(pilot).notes()[0]
        assert pane(pilot).prompt == 0
        await pilot.press("full_stop")
        assert pane(pilot).prompt == 1
        await pilot.press("comma", "comma")
        assert pane(pilot).prompt == 2
        await pilot.press("slash", *"zzz", "enter")
        await until(pilot, lambda: "0 found" in pane(pilot).notes()[0])


@pytest.mark.usefixtures("sampled")
async def test_another_run_beside(
    workspace: Workspace, link: FakeLink, program: Any, until: Until
) -> None:
    other = write_run(workspace.runs, "ppo-0008", steps=10, created=1.7635e9)
    row = {"step": 70, "prompt": "Review of Nine lives:", "completion": " Of the other run."}
    (other / "samples.jsonl").write_text(json.dumps(row) + "\n")
    link.infos.append(info_of(other))
    async with program("dashboard:ppo-0008", (200, 60)) as pilot:
        await until(pilot, lambda: "ppo-0008" in pilot.app.screen.head.text)  # type: ignore[attr-defined]
        await pilot.press("o", "k", "2")
        await until(pilot, lambda: "ppo-0008 step 70" in pane(pilot).text)
        assert "Of the other run." in pane(pilot).text


async def test_hostile_samples(sampled: Path, program: Any, until: Until) -> None:
    evil = "a\x1b]52;c;aGk=\x07\u202e[@click=app.quit]x[/]" + "w" * 9000
    rows = [
        {"step": 0, "prompt": evil, "completion": [{"role": 3}, "x"], "by": evil},
        {"step": 0, "prompt": None, "completion": {"a": [1]}},
        {"step": "zero", "prompt": "left out", "completion": ""},
    ]
    with (sampled / "samples.jsonl").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.write('{"step": 7, "prompt": "half')
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "1/2" in pane(pilot).text)
        shown = "\n".join("".join(text for text, _ in row) for row in pane(pilot).all_rows)
        assert not {c for c in shown if ord(c) < 32 and c != "\n"}
        assert "[@click=app.quit]" in shown
        assert "left out" not in shown
        await pilot.press("enter", "d", "J", "left", "right")


@pytest.mark.usefixtures("frozen", "sampled")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
@pytest.mark.parametrize("keys", ["2", "2 d"])
async def test_pictures(size: tuple[int, int], keys: str, program: Any, until: Until) -> None:
    async with program("dashboard", size) as pilot:
        await pilot.press(*keys.split())
        await until(pilot, lambda: "superb" in pane(pilot).text)
        name = f"samples{'-diff' if 'd' in keys else ''}-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)  # type: ignore[arg-type]


@pytest.mark.usefixtures("sampled")
async def test_a_sample_is_put_up_and_opened(link: FakeLink, program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "superb" in pane(pilot).text)
        await pilot.press("J", "enter")
        await until(pilot, lambda: any(isinstance(r, Ingest) for r in link.asked))
        asked = next(r for r in link.asked if isinstance(r, Ingest))
        assert [p.prompt for p in asked.prompts] == ["Review of A winter's tale:"]
        assert {c.model for c in asked.completions} == {"ppo-0007 reference", "ppo-0007 step 100"}


@pytest.mark.parametrize("with_reference", [True, False])
async def test_an_answer_that_nothing_stands_beside_is_rated(
    link: FakeLink, infos: list[RunInfo], program: Any, until: Until, with_reference: bool
) -> None:
    row = {"step": 0, "prompt": "Say hello:", "completion": " Hello!"}
    rows = [row, {**row, "step": 5}]
    if with_reference:
        rows.insert(0, {**row, "by": "reference"})
    directory = Path(infos[0].directory)
    (directory / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "Hello!" in pane(pilot).text)
        await pilot.press("enter")
        await until(pilot, lambda: any(isinstance(r, Ingest) for r in link.asked))
        asked = next(r for r in link.asked if isinstance(r, Ingest))
        (task,) = asked.tasks
        assert (task.kind, len(task.completion_ids)) == ("thumbs", 1)
        assert [c.model for c in asked.completions] == [f"{infos[0].run_id} step 5"]


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[HubProcess]:
    process = HubProcess(workspace).ready()
    yield process
    process.stop()


@pytest.mark.usefixtures("hub")
async def test_the_hub_hands_it_out_for_ranking(workspace: Workspace) -> None:
    own = SampleRow(5, "Say hello:", " Hello!", reward=1.0)
    reference = SampleRow(0, "Say hello:", " Go away.", by="reference")
    link = AsyncHub(workspace, client="tui")
    await link.start()
    try:
        task = await put_up(link, "ppo-0001", [reference, own])
        assert task.kind == "rank"
        item = (await link.call(GetItem(task.task_id), ItemAnswer)).item
        assert item.prompt.prompt == "Say hello:"
        assert {c.completion for c in item.completions} == {" Hello!", " Go away."}
        again = await put_up(link, "ppo-0001", [reference, own])
        assert again.task_id == task.task_id
        alone = await put_up(link, "ppo-0001", [own])
        assert alone.kind == "thumbs"
        item = (await link.call(GetItem(alone.task_id), ItemAnswer)).item
        assert [c.completion for c in item.completions] == [" Hello!"]
        assert (await link.call(Progress(), ProgressAnswer)).rank.tasks == 1
        with pytest.raises(InputError, match="neither a text nor messages"):
            await put_up(link, "ppo-0001", [SampleRow(1, {"a": 1}, "x"), reference])
    finally:
        await link.close()

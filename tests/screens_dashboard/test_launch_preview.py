"""What the launch screen tells before a run starts, and its windows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from helpers.recorded import FakeLink
from textual.pilot import Pilot
from textual.widgets import Input

from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import HubError, InputError, RlhfError
from rlhf_tui.hub.messages import (
    Answer,
    DatasetPreview,
    Launch,
    Launched,
    ListRuns,
    Preview,
    PreviewLaunch,
    Request,
    RunInfo,
    RunList,
)
from rlhf_tui.hub.preview_words import about, cost_line, dataset_line, queue_line
from rlhf_tui.runs.rendered import Estimate, Example, Piece
from rlhf_tui.screens.launch import LaunchScreen
from rlhf_tui.screens.launch_choices import taken
from rlhf_tui.screens.launch_choose import Choice, ChooseValue, paths_of
from rlhf_tui.screens.launch_edit import CommandShown, EditValue, LaunchNotes
from rlhf_tui.screens.launch_example import example_rows
from rlhf_tui.screens.launch_fields import PRIORITY
from rlhf_tui.screens.launch_form import Form
from rlhf_tui.screens.launch_preview import LaunchPreview
from rlhf_tui.screens.launch_summary import Told, brief_rows, side_rows
from rlhf_tui.screens.theme import ASCII, UNICODE

A = TypeVar("A", bound=Answer)
Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any

EXAMPLES = [
    Example(
        title,
        [Piece("This film"), Piece(f" {text}.\n", learnt=True), Piece("</s>", True, True)],
        tokens=9,
        cut=cut,
        row=row,
    )
    for row in (1, 2)
    for title, text, cut in (("chosen", "shines", 0), ("rejected", "bores \x1b[31m", 3))
]
FOUND = Preview(
    device="cuda:0",
    models={"model": "sft-0001, 954 k parameters"},
    notes=["Starting policy: sft-0001, the newest finished SFT run."],
    dataset=DatasetPreview(
        "the workspace",
        {"train": 1709, "validation": 316},
        columns=["prompt", "chosen"],
        notes=["2,025 pairs from 350 rankings by 2 annotators; 75 ties left out."],
        annotators=2,
        agreement=0.79,
    ),
    estimate=Estimate(
        steps=48,
        tokens_per_step=1687,
        parameters=953_728,
        trained=953_728,
        memory=935e6,
        memory_there=25e9,
        seconds=41,
        basis=["Texts have 32 tokens on average and 48 at most, as counted."],
    ),
    queue=["ppo-0002", "sft-0002"],
)


class Previewing(FakeLink):
    """A hub that previews, too."""

    def __init__(self, infos: list[RunInfo]) -> None:
        super().__init__(infos)
        self.found = FOUND
        self.trouble: RlhfError | None = None

    async def call(self, request: Request, answer: type[A]) -> A:
        if isinstance(request, ListRuns):
            kept = [info for info in self.infos if not request.kinds or info.kind in request.kinds]
            listed = RunList(kept)
            assert isinstance(listed, answer)
            return listed
        if not isinstance(request, PreviewLaunch) or not self.connected:
            return await super().call(request, answer)
        self.asked.append(request)
        if self.trouble is not None:
            raise self.trouble
        examples = EXAMPLES if request.examples else []
        found = msgspec.structs.replace(self.found, examples=examples)
        assert isinstance(found, answer)
        return found

    @property
    def previews(self) -> list[PreviewLaunch]:
        return [request for request in self.asked if isinstance(request, PreviewLaunch)]


@pytest.fixture
def link(infos: list[RunInfo]) -> Previewing:
    return Previewing(infos)


def screen(pilot: Pilot[int]) -> LaunchScreen:
    found = pilot.app.screen_stack[-1 if isinstance(pilot.app.screen, LaunchScreen) else -2]
    assert isinstance(found, LaunchScreen)
    return found


def words(rows: Any) -> str:
    return "\n".join("".join(text for text, _ in row) for row in rows)


async def go_to(pilot: Pilot[int], name: str) -> None:
    while screen(pilot).field.name != name:
        await pilot.press("j")


async def test_the_summary_stands_under_the_form_and_follows_it(
    program: Open, link: Previewing, until: Until
) -> None:
    async with program("launch:dpo", (80, 24)) as pilot:
        await until(pilot, lambda: "1,709 train + 316 validation" in screen(pilot).brief.text)
        text = screen(pilot).brief.text
        assert "48 steps of 1,687 tokens, memory 935 MB of 25 GB, about 40 s" in text
        assert "sft-0001, 954 k parameters; waits for ppo-0002 and 1 more on cuda:0" in text
        assert [request.arguments for request in link.previews] == [{}]
        assert not link.previews[0].examples
        await go_to(pilot, "tune")
        await pilot.press("right")
        await until(pilot, lambda: len(link.previews) == 2)
        assert link.previews[1].arguments == {"tune": "lora"}
        await pilot.press("j", "k", "j")
        await until(pilot, lambda: not screen(pilot).asking.told.asking)
        assert len(link.previews) == 2, "moving changes nothing, so nothing is asked"


async def test_a_wide_terminal_shows_the_first_example_beside_the_form(
    program: Open, link: Previewing, until: Until
) -> None:
    async with program("launch:dpo", (200, 60)) as pilot:
        await until(pilot, lambda: "rejected" in screen(pilot).side.text)
        text = screen(pilot).side.text
        assert "75 ties left out" in text
        assert "as counted" in text
        assert "This film▸ shines.↵" in text
        assert "</s>◂" in text
        assert "3 more cut" in text
        assert [request.examples for request in link.previews] == [0, 1]


async def test_what_is_in_the_way_is_said_and_the_form_stays(
    program: Open, link: Previewing, until: Until
) -> None:
    link.found = msgspec.structs.replace(FOUND, problem="There is no finished reward model yet.")
    async with program("launch:ppo", (80, 24)) as pilot:
        await until(pilot, lambda: "no finished reward model" in screen(pilot).brief.text)
        link.trouble = HubError("The hub is busy.")
        await go_to(pilot, "tune")
        await pilot.press("right")
        await until(pilot, lambda: "The hub is busy." in screen(pilot).brief.text)
        assert "--tune lora" in screen(pilot).foot.text


async def test_options_that_exclude_each_other_are_told_as_they_are_typed(
    program: Open, until: Until
) -> None:
    async with program("launch:ppo", (80, 24)) as pilot:
        await until(pilot, lambda: screen(pilot).view.text)
        await go_to(pilot, "response_length")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press(*"600")
        window = pilot.app.screen
        assert isinstance(window, EditValue)
        assert "leaves no room" in str(window.query_one(".warning").render())
        assert str(window.query_one(".problem").render()) == ""
        # Another field may put it right, so it is taken, and stays said below the form.
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen(pilot))
        assert "leaves no room for a prompt" in screen(pilot).foot.text
        await pilot.press("d")
        assert "leaves no room" not in screen(pilot).foot.text


async def test_the_preview_window_goes_through_the_rows(
    program: Open, link: Previewing, until: Until
) -> None:
    async with program("launch:dpo", (80, 24)) as pilot:
        await until(pilot, lambda: screen(pilot).view.text)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchPreview))
        window = pilot.app.screen
        assert isinstance(window, LaunchPreview)
        await until(pilot, lambda: "ties left out" in window.view.text)
        assert 20 in [request.examples for request in link.previews]
        assert "Columns: prompt, chosen." in window.view.text
        await pilot.press("right")
        assert "row 1, chosen, 9 tokens" in window.view.text
        assert "row 1, rejected, 9 tokens, 3 more cut" in window.view.text
        assert "\x1b" not in window.view.text
        await pilot.press("right")
        assert "row 2, chosen" in window.view.text
        await pilot.press("right")
        assert "ties left out" in window.view.text, "behind the last row the facts again"
        await pilot.press("left", "left")
        assert "row 1, chosen" in window.view.text
        await pilot.press("q")
        await until(pilot, lambda: pilot.app.screen is screen(pilot))


async def test_the_command_is_copied_and_shown(
    program: Open, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    async with program("launch:dpo", (80, 24)) as pilot:
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", copied.append)
        await until(pilot, lambda: screen(pilot).view.text)
        await go_to(pilot, "tune")
        await pilot.press("right", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandShown))
        assert copied == ["rlhf-tui train dpo --tune lora"]
        shown = "\n".join(str(static.render()) for static in pilot.app.screen.query("Static"))
        assert copied[0] in shown
        assert "set-clipboard" in shown
        await pilot.press("x")
        await until(pilot, lambda: pilot.app.screen is screen(pilot))


async def test_a_model_is_chosen_from_what_there_is(
    program: Open, link: Previewing, infos: list[RunInfo], until: Until
) -> None:
    for info in infos:
        if info.run_id in ("sft-0001", "rm-0001"):
            (Path(info.directory) / "model").mkdir()
    async with program("launch:ppo", (80, 24)) as pilot:
        await until(pilot, lambda: screen(pilot).view.text)
        await go_to(pilot, "model")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChooseValue))
        window = pilot.app.screen
        assert isinstance(window, ChooseValue)
        await until(pilot, lambda: "sft-0001" in window.view.text)
        assert "rm-0001" not in window.view.text
        assert "sample" in window.view.text
        await pilot.press(*"demon")
        await until(pilot, lambda: "sample" not in window.view.text)
        assert "demonstrations" in window.view.text, "found by its title"
        await pilot.press("down", "enter")
        await until(pilot, lambda: "--model sft-0001" in screen(pilot).foot.text)
        await go_to(pilot, "reward_model")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChooseValue))
        chooser = pilot.app.screen
        assert isinstance(chooser, ChooseValue)
        await until(pilot, lambda: "rm-0001" in chooser.view.text)
        await pilot.press(*"org/some", "enter")
        await until(pilot, lambda: "--reward-model org/some" in screen(pilot).foot.text)


def test_paths_are_gone_into_and_models_taken(tmp_path: Path) -> None:
    (tmp_path / "runs" / "sft" / "model").mkdir(parents=True)
    (tmp_path / "runs" / "sft" / "model" / "config.json").touch()
    (tmp_path / "pairs.jsonl").touch()
    (tmp_path / ".hidden").mkdir()

    def of(name: str, text: str) -> list[Choice]:
        return paths_of(text, lambda path: taken(name, path))

    assert of("model", f"{tmp_path}/") == [Choice(f"{tmp_path}/runs/", "directory")]
    assert of("model", f"{tmp_path}/runs/sft/m") == [Choice(f"{tmp_path}/runs/sft/model", "model")]
    assert Choice(f"{tmp_path}/pairs.jsonl", "file") in of("dataset", f"{tmp_path}/p")
    assert of("model", "org/name-of-the-hub") == []
    assert of("model", "sft-0001") == []
    assert of("model", f"{tmp_path}/nowhere/x") == []


async def test_a_priority_is_launched_and_written_as_an_option(
    program: Open, link: Previewing, until: Until
) -> None:
    link.launched = Launched("sft-0009", "queued", "/nowhere", [])
    form = Form("sft", Settings(), {})
    form.set(PRIORITY, "-2")
    assert form.command == "rlhf-tui train sft --priority -2"
    assert form.arguments == {}
    async with program("launch:sft", (80, 24)) as pilot:
        await until(pilot, lambda: screen(pilot).view.text)
        await pilot.press("a")
        await go_to(pilot, "priority")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press("5", "enter")
        await until(pilot, lambda: "--priority 5" in screen(pilot).foot.text)
        await until(pilot, lambda: link.previews and link.previews[-1].priority == 5)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchNotes))
        request = next(r for r in link.asked if isinstance(r, Launch))
        assert request.priority == 5


def test_everything_is_told_in_ascii_and_without_colour() -> None:
    text = words(example_rows(EXAMPLES[0], 60, ASCII))
    assert "This film[[ shines.\\n\n</s>]]" in text
    told = Told("dpo", msgspec.structs.replace(FOUND, examples=EXAMPLES))
    for glyphs in (ASCII, UNICODE):
        short = words(brief_rows(told, 60, glyphs))
        assert max(len(line) for line in short.splitlines()) <= 60
        wide = words(side_rows(told, 70, 60, glyphs))
        assert "\x1b" not in wide
    assert words(side_rows(told, 70, 60, ASCII)).isascii()
    assert words(brief_rows(told, 60, ASCII)).isascii()
    assert len(side_rows(told, 70, 9, ASCII)) == 9


def test_what_does_not_fit_is_told_first() -> None:
    cost = msgspec.structs.replace(FOUND.estimate, warning="It will not fit: more is needed.")
    told = Told("dpo", msgspec.structs.replace(FOUND, estimate=cost))
    rows = brief_rows(told, 80, UNICODE)
    assert words(rows).splitlines()[1].startswith("cost   It will not fit")
    assert rows[1][1][1] == "bad"


def test_a_file_that_is_read_is_said() -> None:
    told = Told("dpo", None, asking=True, reading="reading pairs.jsonl: 12,000 rows; …")
    assert "12,000 rows" in words(brief_rows(told, 80, UNICODE))
    trouble = Told("dpo", None, trouble=str(InputError("There is no file x.", hint="Name one.")))
    assert "There is no file x. Name one." in words(brief_rows(trouble, 80, UNICODE))


def test_words() -> None:
    assert dataset_line(DatasetPreview("f.jsonl", {"train": 1})) == "1 train row, from f.jsonl"
    assert cost_line(Estimate(steps=1, tokens_per_step=7)) == "1 step of 7 tokens"
    assert cost_line(Estimate()) == ""
    assert queue_line(msgspec.structs.replace(FOUND, queue=[])) == "starts at once on cuda:0"
    assert [about(s) for s in (1, 44, 300, 9000, 86400 * 3)] == [
        "5 s", "45 s", "5 min", "2.5 h", "3.0 days",
    ]  # fmt: skip

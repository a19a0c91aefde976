"""The launch screen by keyboard, and the form behind it."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import pytest
from helpers.recorded import FakeLink
from textual.pilot import Pilot
from textual.widgets import Input

from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.config.recipes import RECIPES
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.hub.messages import Launch, Launched, RunInfo
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.launch import LaunchScreen
from rlhf_tui.screens.launch_edit import EditValue, LaunchNotes
from rlhf_tui.screens.launch_fields import FIRST, KINDS, fields_of
from rlhf_tui.screens.launch_form import Form
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any


def screen(pilot: Pilot[int]) -> LaunchScreen:
    found = pilot.app.screen
    assert isinstance(found, LaunchScreen)
    return found


def text(pilot: Pilot[int]) -> str:
    here = screen(pilot)
    if not here.query("#foot"):
        return ""
    return "\n".join((here.kinds.text, here.view.text, here.foot.text))


async def go_to(pilot: Pilot[int], name: str) -> None:
    while screen(pilot).field.name != name:
        await pilot.press("j")


async def type_value(pilot: Pilot[int], until: Until, name: str, value: str) -> None:
    await go_to(pilot, name)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    await pilot.press(*("minus" if c == "-" else "full_stop" if c == "." else c for c in value))
    await pilot.press("enter")


@pytest.mark.parametrize(
    ("kind", "size"),
    [*((kind, (80, 24)) for kind in KINDS), ("ppo", (120, 30)), ("sft", (200, 60))],
)
async def test_all_important_options_fit(
    program: Open, until: Until, kind: str, size: tuple[int, int]
) -> None:
    async with program(f"launch:{kind}", size) as pilot:
        await until(pilot, lambda: "$ rlhf-tui" in text(pilot))
        for name in ("title", *FIRST[kind]):
            assert name in screen(pilot).view.text
        verb = f"train {kind}" if kind in TRAINERS else kind
        assert f"$ rlhf-tui {verb}" in text(pilot)


async def test_a_run_from_the_keyboard(
    program: Open, link: FakeLink, infos: list[RunInfo], until: Until
) -> None:
    link.launched = Launched(
        "ppo-0002", "queued", infos[0].directory, ["Starts from sft-0001, the newest SFT run."]
    )
    async with program("launch:ppo", (80, 24)) as pilot:
        await until(pilot, lambda: "kl_coef" in text(pilot))
        await type_value(pilot, until, "kl_coef", "0.02")
        await until(pilot, lambda: "--kl-coef 0.02" in text(pilot))
        await go_to(pilot, "tune")
        await pilot.press("right")
        assert "--tune lora" in text(pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchNotes))
        request = next(r for r in link.asked if isinstance(r, Launch))
        assert request.kind == "ppo"
        assert request.arguments == {"kl_coef": 0.02, "tune": "lora"}
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
        shown = pilot.app.screen
        assert isinstance(shown, DashboardScreen)
        await until(pilot, lambda: shown.runs.chosen and shown.runs.chosen.run_id == "ppo-0002")


async def test_a_value_that_is_not_possible_is_said_as_typed(program: Open, until: Until) -> None:
    async with program("launch:ppo", (80, 24)) as pilot:
        await until(pilot, lambda: "kl_coef" in text(pilot))
        await go_to(pilot, "kl_coef")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press("q", "question_mark", "T")
        window = pilot.app.screen
        assert isinstance(window, EditValue)
        problem = str(window.query_one(".problem").render())
        assert "kl_coef takes a number >= 0, not 'q?T'." in problem
        await pilot.press("enter")
        assert pilot.app.screen is window
        await pilot.press("ctrl+c")
        assert "rlhf-tui train ppo" in text(pilot)
        assert "--kl-coef" not in text(pilot)


async def test_a_refused_launch_keeps_the_form(program: Open, link: FakeLink, until: Until) -> None:
    link.refuse = NothingToDo("There are no rankings yet.", hint="Label some: rlhf-tui label")
    async with program("launch:rm", (80, 24)) as pilot:
        await until(pilot, lambda: "epochs" in text(pilot))
        await type_value(pilot, until, "epochs", "7")
        await pilot.press("s")
        await until(pilot, lambda: "no rankings yet" in text(pilot))
        assert "--epochs 7" in text(pilot)
        assert "Label some" in text(pilot)
        link.refuse = None
        link.launched = Launched("rm-0002", "running", "/nowhere", [])
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchNotes))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchScreen))
        assert "--epochs 7" in text(pilot)


async def test_a_hub_that_is_away_is_said(program: Open, link: FakeLink, until: Until) -> None:
    link.connected = False
    async with program("launch:sft") as pilot:
        await until(pilot, lambda: "epochs" in text(pilot))
        await pilot.press("s")
        await until(pilot, lambda: "The hub is away." in text(pilot))


async def test_kinds_and_all_options(program: Open, until: Until) -> None:
    async with program("launch:generate", (80, 24)) as pilot:
        await until(pilot, lambda: "temperature" in text(pilot))
        await type_value(pilot, until, "k", "6")
        for kind in (*KINDS[1:], KINDS[0]):
            await pilot.press("t")
            assert f" {kind}" in text(pilot)
            assert screen(pilot).form.kind == kind
        await pilot.press("b")
        assert screen(pilot).form.kind == KINDS[-1]
        await pilot.press("t")
        assert "-k 6" in text(pilot) or "--k 6" in text(pilot)
        assert "threads" not in text(pilot)
        await pilot.press("a")
        for _ in range(30):
            await pilot.press("down")
            if screen(pilot).field.name == "threads":
                break
        assert "threads" in text(pilot)
        await pilot.press("a")
        await go_to(pilot, "k")
        await pilot.press("d")
        assert "6" not in screen(pilot).foot.text.splitlines()[1]


async def test_settings_are_where_it_starts(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    workspace.config.write_text("[train.sft]\nlearning_rate = 0.5\nsave_steps = 7\n")
    link.launched = Launched("sft-0009", "queued", "/nowhere", [])
    async with program("launch:sft") as pilot:
        await until(pilot, lambda: "save_steps" in text(pilot))
        assert "0.5" in text(pilot)
        assert "--learning-rate" not in text(pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchNotes))
        request = next(r for r in link.asked if isinstance(r, Launch))
        assert request.arguments == {"learning_rate": 0.5, "save_steps": 7}


async def test_a_zero_that_stands_for_something_else_is_told_in_words(
    program: Open, until: Until
) -> None:
    """Of a learning rate of 0.0 people would think that nothing is learnt."""
    async with program("launch:sft", (80, 24)) as pilot:
        await until(pilot, lambda: "learning_rate" in text(pilot))
        [row] = [line for line in text(pilot).splitlines() if "learning_rate" in line]
        assert row.split(maxsplit=1)[1].startswith("by the model's size")
        await go_to(pilot, "learning_rate")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        assert cast("Input", pilot.app.focused).value == "0.0"


async def test_broken_settings_are_said_and_nothing_starts(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    async with program("home") as pilot:
        workspace.config.write_text("[train.sft]\nlerning_rate = 0.5\n")
        pilot.app.go("launch:sft")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchScreen))
        await until(pilot, lambda: "lerning_rate" in text(pilot))
        await pilot.press("s")
        assert not any(isinstance(request, Launch) for request in link.asked)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_in_the_form_with_its_meaning(kind: str) -> None:
    fields = fields_of(kind)
    extra = {"title", "priority"} | ({"recipe"} if kind in TRAINERS else set())
    assert {field.name for field in fields} == {*OPTIONS[kind].__struct_fields__, *extra}
    for field in fields:
        assert field.meaning
        assert field.takes


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_is_possible_as_it_is_shown(kind: str) -> None:
    from rlhf_tui.screens.launch_form import shown

    form = Form(kind, Settings(), {})
    for field in form.fields:
        form.set(field, shown(field.default))
    assert form.arguments == {}


def test_typed_values_become_arguments_and_the_same_command() -> None:
    form = Form("sft", Settings(), {})
    fields = {field.name: field for field in form.fields}
    form.set(fields["include"], "thumbs-up, best-ranked")
    form.set(fields["max_steps"], "1e3")
    form.set(fields["learning_rate"], "3e-4")
    form.set(fields["title"], "a b; rm -rf")
    assert form.arguments == {
        "include": ["thumbs-up", "best-ranked"],
        "max_steps": 1000,
        "learning_rate": 3e-4,
    }
    words = shlex.split(form.command)
    assert words[:3] == ["rlhf-tui", "train", "sft"]
    assert words[words.index("--title") + 1] == "a b; rm -rf"
    assert words.count("--include") == 2
    msgspec.convert(form.arguments, OPTIONS["sft"])


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("kl_coef", "-1", "kl_coef takes a number >= 0, not '-1'."),
        ("kl_coef", "nan", "kl_coef takes a number >= 0, not 'nan'."),
        ("total_steps", "0.5", "total_steps takes a whole number >= 1, not '0.5'."),
        ("total_steps", "", "total_steps takes a whole number >= 1, not ''."),
        ("tune", "half", "tune takes one of full, lora, last-layer, not 'half'."),
        ("adaptive_kl", "maybe", "adaptive_kl takes one of no, yes, not 'maybe'."),
    ],
)
def test_sentences_for_impossible_values(name: str, value: str, sentence: str) -> None:
    form = Form("ppo", Settings(), {})
    field = next(field for field in form.fields if field.name == name)
    with pytest.raises(UsageError) as caught:
        form.set(field, value)
    assert caught.value.message == sentence


def test_a_list_of_numbers_is_typed_with_commas() -> None:
    form = Form("dpo", Settings(), {})
    weights = next(field for field in form.fields if field.name == "loss_weights")
    form.set(weights, "1, 0.5")
    assert form.arguments == {"loss_weights": [1.0, 0.5]}
    assert form.command.endswith("--loss-weights 1.0 --loss-weights 0.5")
    with pytest.raises(UsageError, match=r"takes numbers, parted by commas, not 'much'"):
        form.set(weights, "much")


def test_a_recipe_lies_under_what_was_set_and_typed() -> None:
    form = Form("grpo", Settings(train={"grpo": {"max_length": 300}}), {})
    fields = {field.name: field for field in form.fields}
    form.set(fields["num_generations"], "8")
    form.set(fields["recipe"], "tiny-cpu")
    recipe = RECIPES["tiny-cpu"].options("grpo")
    assert form.recipe == "tiny-cpu"
    assert form.arguments == {**recipe, "max_length": 300, "num_generations": 8}
    assert form.origin(fields["device"]) == "settings"
    assert form.command == "rlhf-tui train grpo --recipe tiny-cpu --num-generations 8"
    with pytest.raises(UsageError, match="recipe takes one of none, tiny-cpu"):
        form.set(fields["recipe"], "huge")
    form.reset(fields["recipe"])
    assert form.arguments == {"max_length": 300, "num_generations": 8}


async def test_options_that_exclude_each_other_are_told_without_the_hub(
    program: Open, link: FakeLink, until: Until
) -> None:
    async with program("launch:ppo", (80, 24)) as pilot:
        await until(pilot, lambda: "kl_coef" in text(pilot))
        await type_value(pilot, until, "response_length", "600")
        await pilot.press("s")
        await until(pilot, lambda: "leaves no room for a prompt" in text(pilot))
        assert not any(isinstance(request, Launch) for request in link.asked)


async def test_a_recipe_is_launched_by_name(program: Open, link: FakeLink, until: Until) -> None:
    link.launched = Launched("sft-0009", "queued", "/nowhere", [])
    async with program("launch:sft", (80, 24)) as pilot:
        await until(pilot, lambda: "recipe" in text(pilot))
        await go_to(pilot, "recipe")
        await pilot.press("right")
        assert "--recipe tiny-cpu" in text(pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchNotes))
        request = next(r for r in link.asked if isinstance(r, Launch))
        assert request.recipe == "tiny-cpu"
        assert request.arguments == RECIPES["tiny-cpu"].options("sft")


async def test_every_recipe_is_named_below_the_form(program: Open, until: Until) -> None:
    async with program("launch:sft", (80, 24)) as pilot:
        await until(pilot, lambda: "epochs" in text(pilot))
        await go_to(pilot, "recipe")
        told = screen(pilot).foot.text
        assert all(name in told for name in RECIPES)
        assert "$ rlhf-tui train sft" in told

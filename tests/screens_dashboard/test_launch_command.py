"""The shell command that the launch form shows launches exactly what the form does."""

from __future__ import annotations

import os
import random
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from rlhf_tui.cli import launching
from rlhf_tui.cli.main import app
from rlhf_tui.config.settings import load_settings
from rlhf_tui.errors import UsageError
from rlhf_tui.screens.launch_fields import KINDS, Field
from rlhf_tui.screens.launch_form import Form
from rlhf_tui.workspace import Workspace, init_workspace

COMMAND = typer.main.get_command(app)
TEXTS = (
    "",
    "sample",
    "-x",
    "--seed",
    "a b",
    'it\'s "quoted"',
    "$HOME `id`; rm -rf",
    "né 数据",
    "~/m",
)
NUMBERS = ("0", "1", "2", "7", "64", "1e3", "0.5", "1e-5", "-1", "-0.25", "1e-12")
TRIES, COMPARED = 100, 8
PRESET = {
    "train.dpo": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5], "beta": 0.2},
    "train.ppo": {"rewards": ["rm-0001=0.5"], "kl_coef": 0.3, "adaptive_kl": True},
    "train.sft": {"include": ["thumbs-up"], "lora_target": ["q_proj"], "tune": "lora"},
    "generate": {"k": 3},
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return init_workspace(tmp_path / "w s", settings=PRESET)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the last command would have launched."""
    found: dict[str, Any] = {}

    def launch(workspace: Workspace, kind: str, arguments: dict[str, Any], **more: Any) -> int:
        found.clear()
        found.update(workspace=workspace, kind=kind, arguments=arguments, **more)
        return 0

    monkeypatch.setattr(launching, "launch", launch)
    return found


def run(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "rlhf-tui"
    COMMAND.main(args=words[1:], prog_name="rlhf-tui", standalone_mode=False)


def same(form: Form, launched: dict[str, Any]) -> None:
    run(form.command)
    assert launched["kind"] == form.kind
    assert launched["arguments"] == form.arguments, form.command
    assert launched.get("recipe", "") == form.recipe
    assert (launched["title"], launched["priority"]) == (form.title, form.priority)


def text_for(field: Field, draw: random.Random) -> str:
    if field.repeated:
        some = field.choices or (*TEXTS, *NUMBERS)
        return ", ".join(draw.choice(some) for _ in range(draw.randrange(3)))
    if field.choices:
        return draw.choice(field.choices)
    return draw.choice(TEXTS if isinstance(field.default, str) else NUMBERS)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_typed(kind: Any, place: Workspace, launched: dict[str, Any]) -> None:
    draw = random.Random(kind)
    compared = 0
    for _ in range(TRIES):
        form = Form(kind, load_settings(place), os.environ, str(place.root))
        for field in draw.sample(form.fields, draw.randrange(1, 4)):
            try:
                form.set(field, text_for(field, draw))
            except UsageError:
                continue
        if form.conflict():
            with pytest.raises(UsageError):
                run(form.command)
            continue
        same(form, launched)
        assert launched["workspace"] == place
        compared += 1
        if compared == COMPARED:
            return
    raise AssertionError(f"only {compared} forms could be launched")


def test_a_list_that_was_emptied_is_empty(place: Workspace, launched: dict[str, Any]) -> None:
    form = Form("dpo", load_settings(place), {}, str(place.root))
    fields = {field.name: field for field in form.fields}
    form.set(fields["loss_weights"], "")
    assert form.arguments["loss_weights"] == []
    same(form, launched)
    form = Form("sft", load_settings(place), {}, str(place.root))
    fields = {field.name: field for field in form.fields}
    form.set(fields["include"], "")
    form.set(fields["lora_target"], "")
    assert (form.arguments["include"], form.arguments["lora_target"]) == ([], [])
    same(form, launched)
    with pytest.raises(UsageError, match="--loss-weights takes numbers, not 'much'"):
        run("rlhf-tui train dpo --loss-weights much -w 'w s'")


def test_what_only_this_programs_environment_sets_stands_in_the_command(
    place: Workspace, launched: dict[str, Any]
) -> None:
    form = Form("ppo", load_settings(place), {"RLHF_TUI_TRAIN_PPO_KL_COEF": "0.7"}, str(place.root))
    assert "--kl-coef 0.7" in form.command
    same(form, launched)
    assert launched["arguments"]["kl_coef"] == 0.7


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("title", "x" * 201, "200 characters at most; this one has 201"),
        ("title", "two\x1b]52;c;eA==\x07", "one line of plain text"),
        ("priority", "1000001", "between -1000000 and 1000000"),
        ("model", "m\x1b[2J", "model takes plain text"),
        ("rewards", "a, b\u202e", "rewards takes plain text"),
    ],
)
def test_what_a_launch_would_refuse_is_refused_as_it_is_typed(
    place: Workspace, name: str, value: str, sentence: str
) -> None:
    form = Form("ppo", load_settings(place), {})
    field = next(field for field in form.fields if field.name == name)
    with pytest.raises(UsageError, match=sentence):
        form.set(field, value)

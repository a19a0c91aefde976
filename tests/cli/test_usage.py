"""Wrong uses of the command line: a sentence, what to do, an exit code; never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import Cli, refused

from rlhf_tui.cli.refusals import ELSEWHERE
from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.config.recipes import RECIPES


@pytest.fixture
def bare(tmp_path: Path) -> Cli:
    """The command line in an empty directory, which is no workspace."""
    place = tmp_path / "empty"
    place.mkdir()
    return Cli(place)


def test_without_a_terminal_home_is_refused(bare: Cli) -> None:
    refused(bare(), 2, "terminal", "rlhf-tui --help")


@pytest.mark.parametrize("command", ["label", "dashboard"])
def test_without_a_terminal_screens_are_refused(cli: Cli, command: str) -> None:
    refused(cli(command), 2, "terminal", "hint:")


def test_without_a_terminal_demo_names_auto_and_makes_nothing(bare: Cli) -> None:
    refused(bare("demo"), 2, "terminal", "demo --auto")
    assert list(bare.cwd.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ["runs", "list"],
        ["train", "sft"],
        ["generate"],
        ["export", "preference", "out.parquet"],
        ["hub", "status"],
        ["backup", "out.duckdb"],
    ],
)
def test_without_a_workspace_init_is_named(bare: Cli, command: list[str]) -> None:
    refused(bare(*command), 2, "no workspace", "rlhf-tui init")
    assert list(bare.cwd.iterdir()) == []


def test_a_directory_that_is_no_workspace_is_named(bare: Cli) -> None:
    refused(bare("runs", "list", "-w", "elsewhere"), 2, "elsewhere", "rlhf-tui init")
    refused(bare("-w", "elsewhere", "runs", "list"), 2, "elsewhere", "rlhf-tui init")


def test_a_mistyped_command_gets_the_nearest(bare: Cli) -> None:
    refused(bare("exprot"), 2, "'export'")
    refused(bare("train", "pp"), 2, "'ppo'")


def test_a_mistyped_option_gets_the_nearest(bare: Cli) -> None:
    refused(bare("train", "ppo", "--kl-coeff", "1"), 2, "--kl-coeff", "'--kl-coef'?")
    refused(bare("train", "dpo", "--lora-rnk", "4"), 2, "--lora-rnk", "'--lora-rank'?")
    refused(bare("train", "sft", "--no-pakcing"), 2, "--no-pakcing", "'--no-packing'?")


@pytest.mark.parametrize(
    ("kind", "given", "ours"),
    [
        ("sft", "--total-steps", "--max-steps"),
        ("ppo", "--max-steps", "--total-steps"),
        ("dpo", "--per_device_train_batch_size", "--batch-size"),
        ("rm", "--model_name_or_path", "--model"),
        ("grpo", "--lora_r", "--lora-rank"),
    ],
)
def test_an_option_by_its_name_in_other_programs_gets_ours(
    bare: Cli, kind: str, given: str, ours: str
) -> None:
    refused(bare("train", kind, given, "1"), 2, given, f"'{ours}'?")


def test_other_programs_names_lead_to_options_that_are_there_and_are_none_of_ours() -> None:
    flags = {
        kind: {f"--{name.replace('_', '-')}" for name in OPTIONS[kind].__struct_fields__}
        for kind in TRAINERS
    }
    for theirs, ours in ELSEWHERE.items():
        assert any(ours in known and theirs not in known for known in flags.values()), theirs


def test_an_option_without_its_value_and_a_switch_with_one_are_told(bare: Cli) -> None:
    refused(bare("evaluate", "--model"), 2, "--model needs a value")
    refused(bare("train", "sft", "--packing=yes"), 2, "--packing takes no value")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "ppo", "--kl-coef", "-1"], ["kl_coef", "a number >= 0"]),
        (["train", "ppo", "--kl-coef", "much"], ["--kl-coef", "number"]),
        (["train", "ppo", "--tune", "half"], ["--tune", "half"]),
        (["train", "grpo", "--loss-type", "drgrpo"], ["--loss-type", "'dr_grpo'?"]),
        (["train", "dpo", "--loss-type", "sigmod"], ["loss_type", "'sigmoid'?"]),
        (["train", "dpo", "--loss-weights", "much"], ["--loss-weights", "number"]),
        (["train", "sft", "--include", "thumbs"], ["include", "'thumbs-up'?"]),
        (["train", "sft", "--recipe", "tiny-cpuu"], ["tiny-cpuu", "'tiny-cpu'?"]),
        (["train", "rm", "--priority", "high"], ["--priority", "whole number"]),
        (["generate", "-k", "10"], ["k = 10", "<= 9"]),
        (["train", "sft", "--config", "gone.toml"], ["gone.toml"]),
        (["label", "--mode", "stars"], ["--mode", "stars"]),
        (["export", "preferences", "out.parquet"], ["preferences", "preference"]),
        (["export", "preference", "out.csv"], ["out.csv", ".parquet"]),
        (["export", "preference", "out.parquet", "--split", "tst"], ["tst", "'test'"]),
        (["export", "preference", "no/such/out.parquet"], ["no/such", "No such file"]),
        (["export", "preference", "runs"], ["runs"]),
        (["runs", "list", "--kind", "sftt"], ["sftt", "'sft'"]),
        (["backup", "rlhf.toml"], ["rlhf.toml", "exists"]),
        (["init"], ["already"]),
        (["demo", "--seed", "3"], ["--auto"]),
    ],
)
def test_wrong_values_are_named_before_a_hub_is_started(
    cli: Cli, arguments: list[str], words: list[str]
) -> None:
    before = {path.name for path in cli.cwd.iterdir()}
    refused(cli(*arguments), 2, *words)
    assert {path.name for path in cli.cwd.iterdir()} == before


def test_a_mistake_in_the_settings_is_told_by_every_command(cli: Cli) -> None:
    (cli.cwd / "rlhf.toml").write_text("[label]\noverlapp = 2\n")
    for command in (["runs", "list"], ["train", "rm"], ["hub", "start"]):
        refused(cli(*command), 2, "overlapp", "rlhf.toml", "'overlap'")


def test_an_annotator_needs_a_name(cli: Cli) -> None:
    (cli.cwd / "p.txt").write_text("Once\n")
    refused(cli("import", "p.txt", "--annotator", "a\nb"), 2, "annotator")


def test_every_option_of_every_kind_is_a_flag(bare: Cli) -> None:
    for kind, struct in OPTIONS.items():
        command = ["train", kind] if kind in TRAINERS else [kind]
        text = bare(*command, "--help").ok().out
        for name in struct.__struct_fields__:
            assert f"--{name.replace('_', '-')}" in text, (kind, name)


def test_help_fits_eighty_columns_and_cuts_nothing(bare: Cli) -> None:
    long = [["train", kind] for kind in TRAINERS]
    for command in ([], *long, ["generate"], ["evaluate"], ["export"], ["import"], ["runs"]):
        text = bare(*command, "--help").ok().out if command != ["runs"] else bare("runs").out
        assert "…" not in text
        assert "..." not in text.replace("[ARGS]...", "").replace("FILE...", "")
        assert max(map(len, text.splitlines())) <= 80


def test_recipes_are_listed_with_what_they_set(bare: Cli) -> None:
    listed = bare("train", "--list-recipes").ok().out
    assert max(map(len, listed.splitlines())) <= 80
    found = {one["name"]: one["options"] for one in bare("train", "--list-recipes", "--json").json}
    assert set(found) == set(RECIPES)
    for name, kinds in found.items():
        assert name in listed
        assert set(kinds) == set(TRAINERS)
        assert f"beta = {kinds['grpo']['beta']}" in listed
    assert found["tiny-cpu"]["ppo"] == RECIPES["tiny-cpu"].options("ppo")


def test_the_same_workspace_before_and_behind_the_command(bare: Cli, cli: Cli) -> None:
    before = bare("-w", cli.cwd, "export", "preference", "out.csv")
    behind = bare("export", "preference", "out.csv", "-w", cli.cwd)
    assert before == behind
    assert ".csv" in before.err


def test_output_that_cannot_be_stored_is_told_in_a_sentence(bare: Cli) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rlhf_tui.cli", "train", "ppo", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device.\n"


def test_a_terminal_without_utf8_gets_question_marks(cli: Cli) -> None:
    refused(cli("import", env={"PYTHONIOENCODING": "ascii"}), 2, "rlhf-tui import FILE?")


def test_a_shared_workspace_names_the_group_that_may_label(bare: Cli) -> None:
    told = bare("init", "team", "--shared").ok().out
    assert f"group {(bare.cwd / 'team').group()} can label here" in told
    assert "chgrp GROUP team" in told
    assert "can label here" not in bare("init", "alone").ok().out


def test_json_is_utf8_on_every_terminal(bare: Cli) -> None:
    place = bare.cwd / "Grüße"
    told = bare("init", place, "--json", env={"PYTHONIOENCODING": "ascii"}).ok()
    assert told.json["workspace"] == str(place)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("label.overlap", ["TABLE.KEY=VALUE"]),
        ("labels.overlap=2", ["labels", "'label'"]),
        ("label.overlp=2", ["overlp", "'overlap'"]),
        ("label.overlap=none", ["--set label.overlap=none", "whole number"]),
        ("train.ppo.kl_coeff=1", ["--set train.ppo.kl_coeff=1", "'kl_coef'?\n"]),
    ],
)
def test_a_wrong_set_names_what_is_wrong(cli: Cli, setting: str, words: list[str]) -> None:
    refused(cli("--set", setting, "runs", "list"), 2, *words)


def test_without_a_script_on_the_path_the_module_is_the_program(bare: Cli) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_tui", "--version"],
        cwd=bare.cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, bare("--version").ok().out)

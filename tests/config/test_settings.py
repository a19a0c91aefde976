"""rlhf.toml: what the template says is what is read, and every mistake is told by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.config.settings import TABLES, Settings, load_settings, read_tables
from rlhf_tui.config.template import default_of, template, toml_value
from rlhf_tui.errors import UsageError
from rlhf_tui.workspace import Workspace


def uncommented(text: str) -> str:
    """The template with every setting set to the default that it shows."""
    lines = []
    for line in text.splitlines():
        bare = line.removeprefix("# ")
        name = bare.split(" = ")[0]
        lines.append(bare if " = " in bare and name.isidentifier() else line)
    return "\n".join(lines)


def test_the_template_holds_every_setting_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "rlhf.toml"
    path.write_text(uncommented(template({})))
    tables = read_tables(path)
    assert tables.keys() == TABLES.keys()
    for table, struct in TABLES.items():
        fields = msgspec.structs.fields(struct)
        assert tables[table] == {field.name: default_of(field) for field in fields}, table


def test_every_setting_of_the_template_has_words_above_it() -> None:
    lines = template({}).splitlines()
    for index, line in enumerate(lines):
        if line.startswith("# ") and " = " in line and line[2:].split(" = ")[0].isidentifier():
            assert lines[index - 1].startswith("# "), line


def test_a_new_workspace_reads_as_the_defaults(workspace: Workspace) -> None:
    settings = load_settings(workspace, {})
    assert settings.workspace.name == "test"
    assert settings.label == Settings().label
    assert settings.display == Settings().display
    assert all(settings.of_kind(kind) == {} for kind in ("generate", "score", "sft", "rm", "ppo"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[label]\noverlapp = 2\n", ["overlapp", "[label]", "rlhf.toml", "'overlap'"]),
        ("[labels]\noverlap = 2\n", ["[labels]", "rlhf.toml", "'label'"]),
        ("[train.pppo]\nkl_coef = 1\n", ["[train.pppo]", "'train.ppo'"]),
        ("[train.ppo]\nkl_coeff = 1\n", ["kl_coeff", "[train.ppo]", "'kl_coef'"]),
        ("[train]\nkl_coef = 1\n", ["kl_coef", "[train]", "train.ppo"]),
        ("[train.ppo]\nkl_coef = -1\n", ["kl_coef", "-1", "[train.ppo]", ">= 0"]),
        ("[label]\noverlap = 'two'\n", ["overlap", "two", "a whole number"]),
        ("[display]\nascii = 'maybe'\n", ["ascii", "maybe"]),
        ("[train.grpo]\nloss_type = 'drgrpo'\n", ["drgrpo", "[train.grpo]", "'dr_grpo'"]),
        ("[train.dpo]\nloss_type = ['ipo', 'apozero']\n", ["'apozero'", "'apo_zero'"]),
        ("overlap = 2\n", ["overlap", "outside"]),
        ("[label\n", ["not valid TOML", "line 1"]),
        ("[workspace]\nvalidation = 0.6\ntest = 0.4\n", ["validation", "test", "below 1"]),
    ],
)
def test_a_mistake_is_named(workspace: Workspace, text: str, names: list[str]) -> None:
    workspace.config.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_settings(workspace, {})
    for name in names:
        assert name in str(caught.value)


def test_a_file_that_is_not_text_is_told(workspace: Workspace) -> None:
    workspace.config.write_bytes(b"[label]\n# \xff\xfe\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_settings(workspace, {})


def test_the_environment_wins_over_the_file(workspace: Workspace) -> None:
    workspace.config.write_text("[label]\noverlap = 2\nprefetch = 4\n")
    settings = load_settings(workspace, {"RLHF_TUI_LABEL_OVERLAP": "3"})
    assert (settings.label.overlap, settings.label.prefetch) == (3, 4)


def test_lists_without_an_empty_default_are_read_from_the_environment(
    workspace: Workspace,
) -> None:
    settings = load_settings(workspace, {"RLHF_TUI_LABEL_ASPECTS": "kind, short"})
    assert settings.label.aspects == ["kind", "short"]


def test_a_variable_of_no_trainer_is_named(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"'rlo', .* RLHF_TUI_TRAIN_RLO_BETA.*'rloo'\?"):
        load_settings(workspace, {"RLHF_TUI_TRAIN_RLO_BETA": "0.1"})


scalars = st.one_of(
    st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)
)


@given(st.one_of(scalars, st.lists(st.text())))
def test_values_survive_toml(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value

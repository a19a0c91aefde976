"""The page of warnings is that of the rules, and names options that there are."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.tracking.rules.finding import Rule
from rlhf_tui.tracking.rules.judge import RULES

DOCS = Path(__file__).parents[2] / "docs"
FIELDS = {
    kind: {field.name for field in msgspec.structs.fields(options)}
    for kind, options in OPTIONS.items()
}
METRICS = {"frac_reward_zero_std", "eval_loss"}
"""Which rules may name beside options."""


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_warnings", DOCS / "make_warnings.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_that_of_the_rules() -> None:
    found = (DOCS / "warnings.md").read_text(encoding="utf-8")
    assert found == _maker().page(), "run: python docs/make_warnings.py"


NAME = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
SETTING = re.compile(r"\b([a-z]+(?:_[a-z]+)*) = ('[\w-]+'|\[[^]]*\]|[\w.]+)")


def _kinds(rule: Rule, text: str) -> list[str]:
    """The kinds whose options a sentence may name: the rule's, or those that it names."""
    named = [kind for kind in FIELDS if re.search(rf"\b{kind.upper()}\b", text)]
    return named or [kind for kind in rule.kinds if kind in FIELDS]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_to_change_are_options_of_that_kind(rule: Rule) -> None:
    for text in (rule.fires, rule.means, *rule.change):
        kinds = _kinds(rule, text)
        known = set().union(*(FIELDS[kind] for kind in (*kinds, *rule.kinds) if kind in FIELDS))
        words = SETTING.sub(lambda setting: setting[1], text)
        assert set(NAME.findall(words)) - METRICS <= known, text
        for name, value in SETTING.findall(text):
            takers = [kind for kind in kinds if name in FIELDS[kind]]
            assert takers, text
            given = msgspec.json.decode(value.replace("'", '"'))
            for kind in takers:
                msgspec.convert({name: given}, OPTIONS[kind], strict=True)

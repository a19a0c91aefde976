"""The pages of the trainers: their tables are those of the options, and nothing is left out."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.config.rates import LORA_FACTOR, RATES, SMALL_ADAPTER

DOCS = Path(__file__).parents[2] / "docs"


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_options", DOCS / "make_options.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = _maker()
PAGES = {"sft": "sft", "rm": "reward-model"} | {kind: kind for kind in TRAINERS[2:]}


@pytest.mark.parametrize("page", MAKER.PAGES)
def test_the_table_of_a_page_is_that_of_the_options(page: str) -> None:
    found = (DOCS / "trainers" / page).read_text(encoding="utf-8")
    assert found == MAKER.renewed(page), "run: python docs/make_options.py"


@pytest.mark.parametrize("kind", TRAINERS)
def test_every_option_of_a_trainer_stands_on_its_page_or_among_those_of_all(kind: str) -> None:
    folder = DOCS / "trainers"
    texts = [(folder / name).read_text("utf-8") for name in (f"{PAGES[kind]}.md", "README.md")]
    listed = set(re.findall(r"^\| `(\w+)` \|", "\n".join(texts), flags=re.MULTILINE))
    assert set(OPTIONS[kind].__struct_fields__) <= listed


@pytest.mark.parametrize("page", MAKER.PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (DOCS / "trainers" / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([\w./-]*\.md)?(#[\w-]+)?\)", text):
        path = (DOCS / "trainers" / (target or page)).resolve()
        assert path.exists(), target
        heads = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor[1:] in slugs, f"{target}{anchor}"


def test_the_table_of_learning_rates_is_that_of_the_code() -> None:
    page = (DOCS / "trainers" / "README.md").read_text("utf-8")
    for stage, steps in RATES.items():
        (row,) = [line for line in page.splitlines() if re.match(rf"\| .*`{stage}`.* \d", line)]
        told = [float(cell) for cell in row.split("|")[2:-1]]
        assert told == [rate for _, rate in steps]
        assert [limit for limit, _ in steps][:2] == [20e6, 1e9]
    assert LORA_FACTOR == 10
    assert SMALL_ADAPTER == {"dpo": 1e-3, "kto": 1e-3}

"""The cards of models and data sets: what was made of what, by whom agreed, and how it measured.

The front matter is what the Hugging Face Hub reads (base model, library, tags, splits); below it
stands Markdown for people. Pure text of what `facts` gathered.

Source of the front matter: https://huggingface.co/docs/hub/model-cards and datasets-cards
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from rlhf_tui import __version__
from rlhf_tui.counting import count
from rlhf_tui.evaluation.model_report import Evaluation, Pairs
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.publishing.facts import Agreement, DatasetFacts, ModelFacts

METHODS = {
    "sft": "supervised fine-tuning (TRL's SFTTrainer)",
    "rm": "training a reward model on preferences (TRL's RewardTrainer, Bradley–Terry loss)",
    "ppo": "PPO (Schulman et al. 2017) against a reward, with a penalty on the KL divergence from"
    " the starting policy",
    "dpo": "DPO (Rafailov et al. 2023; TRL's DPOTrainer)",
    "kto": "KTO (Ethayarajh et al. 2024; TRL's KTOTrainer)",
    "rloo": "RLOO (Ahmadian et al. 2024; TRL's RLOOTrainer)",
    "grpo": "GRPO (Shao et al. 2024; TRL's GRPOTrainer)",
}
OWN = frozenset({"ppo"})
"""Trained by code of ours; the others by TRL."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST_SIZE = "n>1M"
MARK = "<!-- written by rlhf-tui; a later push replaces it -->"
"""Tells our cards from those that a person wrote, which are left alone."""


def model_card(facts: ModelFacts) -> str:
    """README.md of a model."""
    from huggingface_hub import ModelCardData

    reward = facts.kind == "rm"
    data = ModelCardData(
        base_model=facts.base_model or None,
        library_name="peft" if facts.adapter else "transformers",
        license=facts.license or None,
        pipeline_tag="text-classification" if reward else "text-generation",
        tags=["rlhf-tui", "rlhf", *([] if facts.kind in OWN else ["trl"]), facts.kind]
        + (["reward-model"] if reward else []),
    )
    parts = [
        f"---\n{data.to_yaml()}\n---\n{MARK}\n",
        f"# {facts.title or facts.name}\n",
        f"Made by {METHODS[facts.kind]} with rlhf-tui {__version__}, in"
        f" the run `{facts.run_id}`.\n",
        _origin(facts),
        _use(facts),
        "## Training data\n",
        _rows(facts.rows, facts.data_notes),
        _agreement(facts.agreement),
        "## Last figures of training\n",
        _table(("figure", "value"), _numbers(facts.metrics))
        or "The run logged none that are finite.\n",
        *(_evaluation(found) for found in facts.evaluations),
        "## Arguments\n",
        _table(("option", "value"), [(n, _code(v)) for n, v in facts.arguments.items()]),
        "## Versions\n",
        _table(("package", "version"), list(facts.versions.items())),
        _license(facts.license, facts.base_model),
    ]
    return "\n".join(part for part in parts if part)


def dataset_card(facts: DatasetFacts) -> str:
    """README.md of a data set."""
    from huggingface_hub import DatasetCardData

    rows = sum(split.rows for split in facts.splits)
    files = [{"split": split.name, "path": split.path} for split in facts.splits]
    data = DatasetCardData(
        license=facts.license or None,
        pretty_name=facts.name,
        size_categories=[next((name for size, name in SIZES if rows < size), LARGEST_SIZE)],
        tags=["rlhf-tui", "rlhf", "trl", facts.kind],
        configs=[{"config_name": "default", "data_files": files}],
    )
    counts = [(split.name, f"{split.rows:,}") for split in facts.splits]
    parts = [
        f"---\n{data.to_yaml()}\n---\n{MARK}\n",
        f"# {facts.name}\n",
        f"A data set of TRL's type *{facts.kind}*, made of people's judgements with"
        f" rlhf-tui {__version__}. A prompt's split is a hash"
        " of its first user turn, so that no conversation stands in two.\n",
        f"```python\nfrom datasets import load_dataset\n\n"
        f'rows = load_dataset("{facts.repo}", split="{facts.splits[0].name}")\n```\n',
        "## Rows\n",
        _table(("split", "rows"), counts),
        "".join(f"{sentence}\n\n" for sentence in facts.notes),
        "## Columns\n",
        _table(("column", "type"), [(name, f"`{kind}`") for name, kind in facts.columns]),
        _agreement(facts.agreement),
        "## Guidelines\n",
        f"Version `{facts.guidelines}` when it was published.\n"
        if facts.guidelines
        else "The annotators had no written guidelines.\n",
        "## Annotators\n",
        "Names were replaced by numbers.\n"
        if facts.nameless
        else "They stand in the data by the names that they used.\n",
        _license(facts.license, ""),
    ]
    return "\n".join(part for part in parts if part)


def _origin(facts: ModelFacts) -> str:
    lines = []
    if facts.base_model:
        lines.append(f"- base model: [{facts.base_model}](https://hf.co/{facts.base_model})")
    elif facts.base:
        lines.append(f"- base model: {facts.base}")
    lines += [f"- {role}: the run `{run}`" for role, run in facts.lineage]
    return "## Where it comes from\n\n" + "\n".join(lines) + "\n" if lines else ""


def _use(facts: ModelFacts) -> str:
    if facts.adapter:
        name = "SequenceClassification" if facts.kind == "rm" else "CausalLM"
        code = (
            f"from peft import AutoPeftModelFor{name}\n\n"
            f'model = AutoPeftModelFor{name}.from_pretrained("{facts.repo}")'
        )
    else:
        task = "text-classification" if facts.kind == "rm" else "text-generation"
        code = f'from transformers import pipeline\n\nmodel = pipeline("{task}", "{facts.repo}")'
    note = ""
    if facts.kind == "rm":
        note = (
            "Its one output is the reward; take it raw (`function_to_apply='none'`). How texts"
            " were rendered when it was trained stands in `rendering.json`.\n"
        )
    return f"```python\n{code}\n```\n\n{note}"


def _rows(rows: Mapping[str, int], notes: Sequence[str]) -> str:
    told = "".join(f"{sentence}\n\n" for sentence in notes)
    return _table(("split", "rows"), [(n, f"{c:,}") for n, c in rows.items()]) + told


def _agreement(found: Sequence[Agreement]) -> str:
    if not found:
        return ""
    rows = [
        (about.kind, figure.name, _value(figure), _interval(figure), f"{figure.cases:,}")
        for about in found
        for figure in about.figures
        if figure.value is not None
    ]
    judged = "; ".join(
        f"{count(about.judgements, 'judgement')} of {count(about.tasks, 'item')}"
        f" ({about.kind}) by {count(about.annotators, 'person', 'people')}"
        for about in found
    )
    head = ("task", "figure", "value", "95 % interval", "cases")
    table = _table(head, rows) or "No two people have judged the same item.\n"
    rules = {
        f"- {figure.name}: {figure.rule}\n"
        for about in found
        for figure in about.figures
        if figure.value is not None and figure.rule
    }
    told = "".join(sorted(rules))
    return f"## Agreement among annotators\n\nIn the whole workspace: {judged}.\n\n{table}{told}"


def _evaluation(found: Evaluation) -> str:
    """Figures on held-out rows."""
    parts = [f"## Evaluation on the {found.split} split\n\n{count(found.rows, 'row')}.\n"]
    figures = [*found.figures, *([found.preference.accuracy] if found.preference else [])]
    parts.append(
        _table(
            ("figure", "value", "95 % interval", "cases"),
            [
                (figure.name, _value(figure), _interval(figure), f"{figure.cases:,}")
                for figure in figures
                if figure.value is not None
            ],
        )
    )
    if found.preference:
        parts += _preference(found.preference)
    if found.human and found.human.sentence:
        parts.append(f"{found.human.sentence}\n")
    parts += [f"{note}\n" for note in found.notes]
    return "\n".join(part for part in parts if part)


def _preference(found: Pairs) -> list[str]:
    names = ("precision", "recall", "f1", "margin", "log_loss", "ece")
    rows = [(n, f"{v:.4g}") for n in names if (v := getattr(found, n)) is not None]
    bins = [
        (f"{b.low:.2f} to {b.high:.2f}", f"{b.count:,}", f"{b.confidence:.3f}", f"{b.accuracy:.3f}")
        for b in found.reliability
        if b.confidence is not None and b.accuracy is not None
    ]
    head = ("predicted probability", "pairs", "mean of it", "share right")
    return [_table(("of pairs", "value"), rows), _table(head, bins)]


def _numbers(values: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(name, f"{v:.6g}") for name, v in values.items() if math.isfinite(v)]


def _license(license: str, base: str) -> str:
    text = f"`{license}`" if license else "None is given: ask whoever published it before use."
    if base:
        text += f" The license of [{base}](https://hf.co/{base}) holds for what is made of it, too."
    return f"## License\n\n{text}\n"


def _value(figure: Figure) -> str:
    return "" if figure.value is None else f"{figure.value:.3f}"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.3f} to {figure.high:.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; empty for no rows."""
    lines = [" | ".join(_cell(cell) for cell in row) for row in rows]
    if not lines:
        return ""
    above = [" | ".join(head), " | ".join("---" for _ in head)]
    return "".join(f"| {line} |\n" for line in [*above, *lines]) + "\n"


def _code(value: Any) -> str:
    return f"`{msgspec.json.encode(value).decode()}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

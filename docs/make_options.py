"""Write the tables of options in docs/trainers/: `python docs/make_options.py`.

They come from the option structs. A page holds its table between `<!-- options -->` and
`<!-- /options -->`; a test compares it.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec

from rlhf_tui.config import options
from rlhf_tui.config.template import default_of, described

PAGES: dict[str, tuple[type[options.Options], ...]] = {
    "README.md": (
        options.TrainOptions,
        options.EpochOptions,
        options.JudgementOptions,
        options.Options,
    ),
    "sft.md": (options.SFTOptions,),
    "reward-model.md": (options.RewardOptions,),
    "ppo.md": (options.PPOOptions, options.OnlineOptions),
    "dpo.md": (options.DPOOptions,),
    "kto.md": (options.KTOOptions,),
    "rloo.md": (options.RLOOOptions, options.GroupOptions, options.OnlineOptions),
    "grpo.md": (options.GRPOOptions, options.GroupOptions, options.OnlineOptions),
}
"""Page → the structs whose own options it lists, the nearest first."""
FOLDER = Path(__file__).parent / "trainers"
BEGIN, END = "<!-- options -->", "<!-- /options -->"


def table(structs: tuple[type[options.Options], ...]) -> str:
    """The options that these structs bring or change, as a Markdown table."""
    lines = ["| Option | Default | |", "|---|---|---|"]
    told: set[str] = set()
    for struct in structs:
        fields = {field.name: field for field in msgspec.structs.fields(structs[0])}
        if not issubclass(structs[0], struct):
            fields = {field.name: field for field in msgspec.structs.fields(struct)}
        for name in inspect.get_annotations(struct):
            if name in told:
                continue
            told.add(name)
            field = fields[name]
            description, bounds, choices = described(field.type)
            text = description or name.replace("_", " ").capitalize()
            extra = ", ".join([*(["one of " + ", ".join(choices)] if choices else []), *bounds])
            said = f"{text} ({extra})" if extra else text
            lines.append(
                f"| `{name}` | {shown(default_of(field))} | {said.replace('|', chr(92) + '|')} |"
            )
    return "\n".join(lines)


def shown(value: object) -> str:
    """A default as the table writes it; nothing for an empty one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def renewed(page: str) -> str:
    """The text of a page with its table as it has to be."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(PAGES[page])}\n\n{END}{after}"


if __name__ == "__main__":
    for name in PAGES:
        (FOLDER / name).write_text(renewed(name), encoding="utf-8")

"""What the screens look like: SVG pictures, compared with those kept in pictures/.

After a change that is meant: UPDATE_PICTURES=1 pytest tests/screens/test_pictures.py, and look at
the pictures before they are committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import LabelSettings
from rlhf_tui.records import Completion, Message
from rlhf_tui.screens.label import LabelScreen
from tests.helpers.label_screens import asked

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")
CHAT = [
    Message("system", "You are terse."),
    Message("user", "How do I reverse a list in Python?"),
    Message("assistant", "In place, or a copy?"),
    Message("user", "A **copy**, please."),
]
ANSWERS = (
    "Use slicing:\n\n```python\nnew = old[::-1]\n```\n\nIt makes a *shallow* copy.",
    "1. Call `reversed(xs)`\n2. Wrap it in `list`\n\n| way | copy |\n|---|---|\n| slice | yes |",
    "\x1b]52;c;aGk=\x07Loop over it [b]backwards[/b]; see [this](http://a.b).",
)


def chat(fake: Any) -> Any:
    item = fake.rank(1, 3, CHAT)
    item.completions = [
        Completion(one.completion_id, one.prompt_id, [Message("assistant", text)])
        for one, text in zip(item.completions, ANSWERS, strict=True)
    ]
    return item


STRONGER, MONO = "greater_than_sign", "rlhf-mono"
# name: (start, size, keys (those behind | go to the panel that came up), theme, ascii, which items)
SCENES: dict[str, tuple[str, tuple[int, int], str, str, bool, str]] = {
    "rank-120x30": ("label:rank", (120, 30), "2 1 equals_sign 3", "rlhf-dark", False, "films"),
    "rank-80x24-light": ("label:rank", (80, 24), "3 1", "rlhf-light", False, "films"),
    "rank-40x10": ("label:rank", (40, 10), "2", "rlhf-dark", False, "films"),
    "rank-200x60-chat": ("label:rank", (200, 60), "1 tab tab", "rlhf-dark", False, "chat"),
    "rank-nine-ascii": ("label:rank", (100, 30), "9 equals_sign 2", "rlhf-ansi", True, "nine"),
    "rank-colour-blind": ("label:rank", (120, 30), "4 b", "rlhf-colour-blind", False, "films"),
    "rank-full": ("label:rank", (80, 24), "1 f tab", "rlhf-dark", False, "films"),
    "rank-nothing": ("label:rank", (80, 24), "", "rlhf-dark", False, "none"),
    "rank-pair-mono": ("label:rank", (80, 24), f"{STRONGER} {STRONGER} 2 y n", MONO, False, "pair"),
    "rank-fast-60x20": ("label:rank", (60, 20), "F y u", "rlhf-dark", False, "pair"),
    "rank-aspects-60x20": (
        "label:rank",
        (60, 20),
        "2 1 y n a | 4 5 2",
        "rlhf-dark",
        False,
        "films",
    ),
    "rank-tags-80x24": ("label:rank", (80, 24), "x t | 1 j j", "rlhf-light", False, "films"),
    "rank-skip-120x30": ("label:rank", (120, 30), "z | j", "rlhf-colour-blind", False, "films"),
    "rank-critique-60x20": ("label:rank", (60, 20), "c | G o o d", "rlhf-dark", False, "films"),
    "thumbs-80x24": ("label:thumbs", (80, 24), "y", "rlhf-dark", False, "films"),
    "thumbs-40x10": ("label:thumbs", (40, 10), "", "rlhf-dark", False, "films"),
    "home-80x24": ("home", (80, 24), "", "rlhf-dark", False, "films"),
    "home-120x30-light": ("home", (120, 30), "", "rlhf-light", False, "films"),
    "home-40x10-ascii": ("home", (40, 10), "", "rlhf-ansi", True, "films"),
    "help-80x24": ("label:rank", (80, 24), "question_mark", "rlhf-dark", False, "films"),
}


def items(fake: Any, which: str) -> list[Any]:
    if which == "films":
        ranks = [fake.rank(number) for number in range(1, 13)]
        return ranks + [fake.thumbs(number) for number in range(1, 9)]
    pairs = [fake.rank(number, 2) for number in range(1, 4)]
    kinds = {"chat": [chat(fake)], "nine": [fake.rank(1, 9)], "pair": pairs, "none": []}
    return kinds[which]


@pytest.mark.parametrize("name", SCENES)
async def test_the_screen_looks_as_before(
    name: str, make_app: MakeApp, until: Until, fake: Any
) -> None:
    start, size, keys, theme, ascii, which = SCENES[name]
    hub, label = (
        fake.hub(items(fake, which)),
        LabelSettings(tags=["refusal", "made up", "too long"]),
    )
    app = make_app(hub, start, theme=theme, ascii=ascii, label=label)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: settled(app))
        first, *rest = keys.split("|")
        await pilot.press(*first.split())
        for more in rest:
            await until(pilot, lambda: asked(app))
            await pilot.press(*more.split())
        await pilot.pause()
        await same_as_kept(app, pilot, PICTURES / f"{name}.svg")


def settled(app: RlhfApp) -> bool:
    """The hub has answered, and what it said is drawn."""
    if isinstance(app.screen, LabelScreen):
        return app.screen.session.asked
    return "prompts" in str(app.screen.query_one("#overview").render())

"""What reading looks like, as SVG pictures; see test_pictures.py for how to renew them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept

from rlhf_tui.app import RlhfApp
from rlhf_tui.hub.messages import Guidelines
from rlhf_tui.records import Completion, Message
from rlhf_tui.screens.label import LabelScreen

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")
RICH = (
    "Use slicing:\n\n```python\ndef rev(xs: list[int]) -> list[int]:\n    # a copy\n"
    "    return xs[::-1]\n```\n\nIt is *shallow* and takes $O(n)$ for $x_1, \\dots, x_n$.",
    "1. Call `reversed(xs)`\n2. Wrap it in `list`\n\n| way | copy |\n|---|---|\n| slice | yes |\n"
    "| reverse() | no |\n\n$$\nT(n) = \\sum_{i=1}^{n} c_i \\\\\n= O(n)\n$$",
    "Loop over it [b]backwards[/b].\x1b]0;x\x07 See [this](http://a.b).\n\n" + "And so on. " * 60,
)
WORLD = (
    "中文字符在这里换行，不需要空格也能读。" * 4,
    "Family 👨\u200d👩\u200d👧 thumbs 👍🏽 flags 🇩🇪🇫🇷 heart ❤\ufe0f keycap 1\ufe0f\u20e3. " * 4,
    "مرحبا بالعالم، هذا نص من اليمين إلى اليسار. שָׁלוֹם עולם. " * 4,
    "Z"
    + "\u0301\u0316" * 90
    + "algo, a\u200b\u200b\u200bnd \u202egnihton\u202c hidden. สวัสดีชาวโลก",
)
NEAR = (
    "The cat sat on the mat and looked at the moon. It was late, and nobody came.",
    "The dog sat on the mat and looked at the red moon! It was late, and nobody came.",
    "The cat lay on the mat. It was late, and nobody came at all. 今日は天気がいい。",
)
CHAT = [
    Message("system", "You are terse."),
    Message("user", "How do I reverse a list?"),
    Message("assistant", "In place, or a copy?"),
    Message("tool", '{"python": "3.11"}'),
    Message("user", "A **copy**, please."),
]
GUIDELINES = Guidelines(
    "3f9a0c1b7e55",
    "# How to judge\n\nPrefer what is **true** before what is kind.\n\n1. Read both to the end.\n"
    "2. Tie only if you cannot choose.\n\n" + "More about it. " * 80,
)
# name: (size, keys, theme, ascii, texts, prompt is a chat)
SCENES: dict[str, tuple[tuple[int, int], str, str, bool, tuple[str, ...], bool]] = {
    "reading-120x30": ((120, 30), "2", "rlhf-dark", False, RICH, True),
    "reading-80x24-light": ((80, 24), "tab tab j j", "rlhf-light", False, RICH, True),
    "reading-60x20": ((60, 20), "", "rlhf-dark", False, RICH[:2], True),
    "reading-200x60-ansi-light": ((200, 60), "", "rlhf-ansi-light", False, RICH * 3, True),
    "reading-mono": ((120, 30), "1 tab", "rlhf-mono", False, RICH, True),
    "reading-full-40x10": ((40, 10), "f", "rlhf-dark", False, RICH, True),
    "reading-world": ((120, 30), "", "rlhf-dark", False, WORLD, False),
    "reading-diff": ((120, 30), "d", "rlhf-colour-blind", False, NEAR, False),
    "reading-diff-ascii": ((80, 24), "d", "rlhf-ansi", True, NEAR[:2], False),
    "reading-search": ((120, 30), "slash a n d enter full_stop", "rlhf-light", False, NEAR, False),
    "reading-search-ask": ((80, 24), "slash m o o n", "rlhf-dark", False, NEAR, False),
    "reading-guidelines": ((120, 30), "g j", "rlhf-dark", False, RICH[:2], True),
    "reading-guidelines-60x20": ((60, 20), "g", "rlhf-light", False, RICH[:2], True),
}


def item(fake: Any, texts: tuple[str, ...], *, chat: bool) -> Any:
    made = fake.rank(1, len(texts), CHAT if chat else None)
    made.completions = [
        Completion(one.completion_id, one.prompt_id, [Message("assistant", text)] if chat else text)
        for one, text in zip(made.completions, texts, strict=True)
    ]
    return made


@pytest.mark.parametrize("name", SCENES)
async def test_reading_looks_as_before(
    name: str, make_app: MakeApp, until: Until, fake: Any
) -> None:
    size, keys, theme, ascii, texts, chat = SCENES[name]
    hub = fake.hub([item(fake, texts, chat=chat)])
    hub.guidelines = GUIDELINES
    app = make_app(hub, theme=theme, ascii=ascii)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: shown(app))
        for key in keys.split():
            await pilot.press(key)
            await pilot.pause()
        await same_as_kept(app, pilot, PICTURES / f"{name}.svg")


def shown(app: RlhfApp) -> bool:
    """The item, laid out, and the guidelines are there."""
    screen = app.screen
    return (
        isinstance(screen, LabelScreen)
        and screen.drawn is not None
        and screen.guidelines is not None
        and screen.panes.panes[0].text.width > 0
    )

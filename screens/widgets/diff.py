"""What differs between two texts, word by word, marked by signs: `[-gone-]` and `{+new+}`.

The signs are those of git's and wdiff's word diffs. Words are compared, not characters; scripts
without spaces between words are compared character by character, each with its marks. Matching
is difflib's. Its time grows with the product of the lengths, so long texts are matched sentence
by sentence first, and words only inside of sentences that differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from rich.style import Style
from rich.text import Text as RichText

from rlhf_tui.screens.widgets.text import clean

Change = Literal["same", "gone", "new"]
Run = tuple[Change, str]

MOST_PRODUCT = 2_000_000
"""Words of one text times words of the other that are matched at once: about 0.1 s."""
LONGEST_PIECE = 40
"""Words of a piece where a long text has no sentences."""
GONE, NEW = ("[-", "-]"), ("{+", "+}")
_STYLES = {"gone": Style(dim=True, strike=True), "new": Style(bold=True, underline=True)}

_MARKS = "\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u3099\u309a\ufe00-\ufe0f\u20e3"
_TOKEN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff"
    f"\U00020000-\U0003ffff][{_MARKS}]*"  # Thai to Khmer, kana and Han: no spaces between words
    "|[^\\W_]+(?:['’][^\\W_]+)*"  # words, with an apostrophe inside
    "|\n|[^\\S\n]+"  # a line's end, other white space
    "|[\U0001f1e6-\U0001f1ff]{2}"  # flags
    f"|.(?:[{_MARKS}\U0001f3fb-\U0001f3ff]|\u200d.)*",  # signs, and emoji with what joins them
    re.DOTALL,
)
_SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?。！？]+\s*|\n+|$)")


def tokens(text: str) -> list[str]:
    """The words, signs and spaces of a text, in order and without anything left out."""
    return _TOKEN.findall(text)


def differences(old: str, new: str) -> list[Run]:
    """How `old` becomes `new`: runs that, without the new ones, are `old`, and the reverse."""
    return _merged(_runs(tokens(old), tokens(new)))


def _runs(old: Sequence[str], new: Sequence[str]) -> Iterator[Run]:
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    yield "same", "".join(old[:head])
    inner_old, inner_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(inner_old) * len(inner_new) <= MOST_PRODUCT:
        yield from _matched(inner_old, inner_new)
    else:
        yield from _by_sentence("".join(inner_old), "".join(inner_new))
    yield "same", "".join(old[len(old) - tail :])


def _matched(old: Sequence[str], new: Sequence[str]) -> Iterator[Run]:
    matcher = SequenceMatcher(None, old, new)
    for _, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        gone, came = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if gone == came:
            yield "same", gone
        else:
            yield "gone", gone
            yield "new", came


def _by_sentence(old: str, new: str) -> Iterator[Run]:
    olds, news = _pieces(old), _pieces(new)
    matcher = SequenceMatcher(None, olds, news)
    budget = MOST_PRODUCT
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        gone, came = olds[old_from:old_to], news[new_from:new_to]
        old_words, new_words = tokens("".join(gone)), tokens("".join(came))
        product = len(old_words) * len(new_words)
        if tag == "equal":
            yield "same", "".join(gone)
        elif 0 < product <= budget:
            budget -= product
            yield from _matched(old_words, new_words)
        else:
            yield "gone", "".join(gone)
            yield "new", "".join(came)


def _pieces(text: str) -> list[str]:
    """Sentences, and of those without an end pieces of LONGEST_PIECE words."""
    pieces = []
    for sentence in _SENTENCE.findall(text):
        words = tokens(sentence)
        pieces += [
            "".join(words[at : at + LONGEST_PIECE]) for at in range(0, len(words), LONGEST_PIECE)
        ]
    return pieces


def _merged(runs: Iterator[Run]) -> list[Run]:
    """Neighbours of one kind as one; white space between two changes counts as changed.

    Single spaces that stayed would chop a rewritten sentence into a word a bracket.
    """
    merged: list[Run] = []
    gone = came = ""

    def flush() -> None:
        nonlocal gone, came
        if gone:
            merged.append(("gone", gone))
        if came:
            merged.append(("new", came))
        gone = came = ""

    held = ""
    for change, text in runs:
        if not text:
            continue
        if change == "same":
            if (gone or came) and not held and text.isspace() and "\n" not in text:
                held = text
                continue
            flush()
            if held:
                merged.append(("same", held))
                held = ""
            if merged and merged[-1][0] == "same":
                merged[-1] = ("same", merged[-1][1] + text)
            else:
                merged.append(("same", text))
            continue
        if held:
            gone, came, held = gone + held, came + held, ""
        if change == "gone":
            gone += text
        else:
            came += text
    flush()
    if held:
        merged.append(("same", held))
    return merged


def diff_view(old: str, new: str, *, encoding: str = "utf-8") -> RichText:
    """`new` with what it lacks of `old` in `[-…-]` and what it has more in `{+…+}`.

    Args:
        old, new: untrusted texts; they are compared as they are shown.
    """
    view = RichText()
    runs = differences(clean(old, encoding=encoding).text, clean(new, encoding=encoding).text)
    if all(change == "same" for change, _ in runs):
        view.append("(no difference)\n\n", _STYLES["new"])
    for change, text in runs:
        if change == "same":
            view.append(text)
            continue
        start, end = GONE if change == "gone" else NEW
        # A space behind the sign: a line can end there.
        space = " " if text.endswith(" ") and text.strip() else ""
        view.append(f"{start}{text.removesuffix(' ') if space else text}{end}", _STYLES[change])
        view.append(space)
    return view

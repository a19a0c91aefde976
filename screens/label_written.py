"""Texts of one's own as data: what is edited of a completion, how a text joins an item; pure."""

from __future__ import annotations

from rlhf_tui.hub.messages import Item
from rlhf_tui.records import (
    MAX_COMPLETIONS,
    Completion,
    Message,
    Origin,
    Text,
    Written,
    imported_completion_id,
)
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_state import RankState, tokens

NO_ROOM = f"{MAX_COMPLETIONS} texts are shown: there is no room for another."
THERE = "That text is there already."


def has_room(work: Work) -> bool:
    """Whether another text can be put behind the panes of an item."""
    return len(work.shown) < MAX_COMPLETIONS


def text_of(completion: Text) -> str:
    """What is edited of a completion: its text, or what its last assistant turn says."""
    if isinstance(completion, str):
        return completion
    said = [turn.content for turn in completion if turn.role == "assistant"]
    return said[-1] if said else ""


def to_edit(state: RankState, chosen: int | None) -> int:
    """The pane whose text is edited: the chosen one, else the best so far, else the first."""
    return chosen or (state.groups[0][0] if state.groups else 1)


def edit_of(item: Item, parent: Completion, text: str) -> Written:
    """A completion with this text in the place of what `text_of` gave."""
    return _written(item, _with_text(parent.completion, text), parent.completion_id)


def answer_to(item: Item, text: str) -> Written:
    """An answer from nothing, in the form of the item's completions.

    A text prompt joins its completion with nothing between: where all others begin with a space,
    this one does too.
    """
    others = [one.completion for one in item.completions]
    if any(not isinstance(one, str) for one in others):
        return _written(item, [Message("assistant", text)], None)
    spaced = all(isinstance(one, str) and one[:1].isspace() for one in others)
    return _written(item, f" {text}" if spaced and not text[:1].isspace() else text, None)


def went_with(work: Work, keys_before: str) -> bool:
    """Take a text of one's own away with the key that ranked it.

    Args:
        work: the item after undo took its last key back.
        keys_before: its keys before that.

    Returns:
        Whether the key was one that had put a text there.
    """
    key, pane = tokens(keys_before)[-1], len(work.shown)
    gone = key[0] in "ew" and key[1] == str(pane) and str(pane) not in work.marks.keys
    if gone:
        work.written.pop()
    return gone


def _with_text(completion: Text, text: str) -> Text:
    if isinstance(completion, str):
        return text
    turns = list(completion)
    for place in range(len(turns) - 1, -1, -1):
        if turns[place].role == "assistant":
            turns[place] = Message("assistant", text)
            return turns
    return [*turns, Message("assistant", text)]


def _written(item: Item, text: Text, parent: str | None) -> Written:
    origin: Origin = "human" if parent is None else "edit"
    prompt = item.prompt.prompt_id
    return Written(imported_completion_id(prompt, text, origin, ""), text, parent)

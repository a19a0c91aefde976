"""The one place that decides how a text becomes tokens, and where a reward model scores it.

A reward model reads its texts at the end, so it must be scored on exactly what it was trained
on: with the same template, the same EOS, the same truncation. `Rendering` holds these decisions;
it is saved as rendering.json beside each reward model of ours, and training, evaluation and PPO
all go through `Renderer`. A classifier from elsewhere has no such file: its own tokenizer decides.

Text prompts: prompt and completion joined with nothing between, then EOS.
Messages: the tokenizer's chat template, which ends turns by itself; without a template, the
plain dialogue of hh-rlhf (`\\n\\nHuman: …\\n\\nAssistant: …`), then EOS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.records import Message, Text
from rlhf_tui.runs.layout import read, write_atomic

FILE = "rendering.json"
SPEAKERS = {"user": "Human", "assistant": "Assistant", "tool": "Tool"}
LONGEST_FOREIGN = 8192
"""Tokens; some tokenizers give 10^30 for 'no limit'."""
DECODE_CONTEXT = 8
"""Prompt tokens decoded along with a completion: enough for any tokenizer's word boundary."""


class Rendering(msgspec.Struct, frozen=True):
    """How a reward model reads a prompt with its completion."""

    max_length: int
    """Tokens; longer texts lose their beginning, never their end, where the score is read."""
    messages: Literal["template", "plain"] = "plain"
    append_eos: bool = True
    """For text and plain dialogue; a chat template decides for itself."""
    version: int = 1


def rendering_for(tokenizer: Any, max_length: int, context: int | None = None) -> Rendering:
    """The rendering of a model that we train.

    Args:
        context: tokens that the model takes at most; None if that is no matter.
    """
    max_length = min(max_length, context or max_length)
    has_template = getattr(tokenizer, "chat_template", None) is not None
    return Rendering(max_length=max_length, messages="template" if has_template else "plain")


def saved_rendering(ref: str | Path, tokenizer: Any) -> Rendering:
    """What rendering.json says; without one, a foreign classifier by its tokenizer's own rules.

    Args:
        ref: folder or hub id: a model of ours that was pushed takes the file along.

    Raises:
        InputError: the file cannot be read.
    """
    path = Path(ref) / FILE if Path(ref).is_dir() else _fetched(str(ref))
    saved = read(path, Rendering) if path is not None else None
    if saved is not None:
        return saved
    ours = rendering_for(tokenizer, min(int(tokenizer.model_max_length), LONGEST_FOREIGN))
    return msgspec.structs.replace(ours, append_eos=False)


def _fetched(ref: str) -> Path | None:
    """The file of a model on the Hub, in the cache; None where the model has none."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(ref, FILE))
    except LocalEntryNotFoundError:
        print(
            f"Without the Hub it cannot be told whether {ref!r} has a {FILE}: it is read as a"
            " classifier from elsewhere.",
            flush=True,
        )
        return None
    except EntryNotFoundError:
        return None
    except (OSError, ValueError) as error:
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"The {FILE} of {ref!r} cannot be read: {words}") from error


def save_rendering(directory: Path, rendering: Rendering) -> None:
    write_atomic(directory / FILE, rendering)


def plain_dialogue(messages: Sequence[Message], *, reply: bool = False) -> str:
    """Messages as the dialogue text of hh-rlhf; `reply` opens the assistant's next turn.

    A system message stands first, as it is.
    """
    parts = [
        m.content if m.role == "system" else f"\n\n{SPEAKERS[m.role]}: {m.content}"
        for m in messages
    ]
    return "".join(parts) + ("\n\nAssistant:" if reply else "")


@dataclass(frozen=True)
class Row:
    """A prompt and its completion as tokens, with the boundary known."""

    prompt: list[int]
    completion: list[int]
    """Ends with EOS, or with whatever the chat template ends a turn with."""


@dataclass
class Overlong:
    """How many texts were longer than allowed, and what became of them."""

    limit: int
    seen: int = 0
    prompts_cut: int = 0
    completions_cut: int = 0

    def report(self) -> str:
        """A sentence for people; empty when nothing was cut."""
        parts = []
        if self.prompts_cut:
            parts.append(
                f"{self.prompts_cut:,} of {self.seen:,} texts were longer than {self.limit} "
                "tokens: their prompts lost their beginning."
            )
        if self.completions_cut:
            parts.append(
                f"{self.completions_cut:,} completions alone were longer than {self.limit} "
                "tokens and were cut."
            )
        return " ".join(parts)


@dataclass
class Renderer:
    """Turns prompts and completions into tokens, and tokens back, for one tokenizer."""

    tokenizer: Any
    rendering: Rendering
    overlong: Overlong = field(init=False)

    def __post_init__(self) -> None:
        self.overlong = Overlong(self.rendering.max_length)

    @property
    def eos_id(self) -> int:
        """Raises InputError for a tokenizer without an end-of-text token."""
        eos = self.tokenizer.eos_token_id
        if eos is None:
            raise InputError(
                "The tokenizer has no end-of-text token, so no text could ever end.",
                hint="Set eos_token in its tokenizer_config.json.",
            )
        return int(eos)

    def prompts(self, prompts: Sequence[Text], room: int = 0) -> list[list[int]]:
        """What generation starts from: [n][q] tokens, never empty.

        Args:
            room: tokens to keep free for the response within max_length; longer prompts lose
                their beginning and are counted in `overlong`.
        """
        encoded = self._encode([self._prompt_text(p) for p in prompts], prompts)
        limit = max(1, self.rendering.max_length - room)
        self.overlong.seen += len(encoded)
        self.overlong.prompts_cut += sum(len(ids) > limit for ids in encoded)
        return [ids[-limit:] for ids in encoded]

    def scored(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[list[int]]:
        """What a reward model reads: [n][s] tokens, the score belongs to the last one."""
        rows = self._whole(prompts, completions)
        limit = self.rendering.max_length
        self.overlong.seen += len(rows)
        self.overlong.prompts_cut += sum(len(ids) > limit for ids in rows)
        return [ids[-limit:] for ids in rows]

    def rows(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[Row]:
        """What a language model learns from: prompt and completion tokens apart.

        The joint tokens are split where the prompt's own tokens end; a tokenizer that merges
        across that boundary has both sides encoded apart, since generation starts from the
        prompt's own tokens too.
        """
        whole = self._whole(prompts, completions)
        begun = self._encode([self._prompt_text(p) for p in prompts], prompts)
        self.overlong.seen += len(whole)
        return [
            self._fit(head, ids[len(head) :] if ids[: len(head)] == head else None, p, c)
            for ids, head, p, c in zip(whole, begun, prompts, completions, strict=True)
        ]

    def decode(self, prompt: Text, prompt_ids: Sequence[int], ids: Sequence[int]) -> Text:
        """Response tokens as a completion in the prompt's form: exactly what follows the prompt.

        Decoded behind the prompt's last tokens, since some tokenizers drop the space in front of
        the first token they see.
        """
        context = list(prompt_ids[-DECODE_CONTEXT:])
        head, whole = (
            self.tokenizer.decode(t, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            for t in (context, context + list(ids))
        )
        text: str = (
            whole[len(head) :]
            if whole.startswith(head)
            else self.tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
        if isinstance(prompt, str):
            return text
        if self.rendering.messages == "plain":
            text = text.removeprefix(" ")
        return [Message(role="assistant", content=text)]

    # --- inside -------------------------------------------------------------------------------

    def _fit(self, head: list[int], tail: list[int] | None, prompt: Text, completion: Text) -> Row:
        if tail is None:
            tail = self._tail(prompt, completion)
        limit = self.rendering.max_length
        if len(tail) > limit - 1:
            # The end is what is cut here, EOS with it: the text does not end there.
            self.overlong.completions_cut += 1
            tail = tail[: limit - 1]
        if len(head) + len(tail) > limit:
            self.overlong.prompts_cut += 1
            head = head[len(head) + len(tail) - limit :]
        return Row(head, tail)

    def _tail(self, prompt: Text, completion: Text) -> list[int]:
        """A completion's tokens, encoded apart from its prompt."""
        begun = self._prompt_text(prompt)
        joined = self._joined_text(prompt, completion)
        if not joined.startswith(begun):
            raise InputError(
                "The chat template changes a prompt once its answer is there, so the answer's "
                "tokens cannot be told apart."
            )
        ids = self.tokenizer(joined[len(begun) :], add_special_tokens=False)["input_ids"]
        return self._ended([int(i) for i in ids], prompt)

    def _whole(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[list[int]]:
        pairs = zip(prompts, completions, strict=True)
        encoded = self._encode([self._joined_text(p, c) for p, c in pairs], prompts)
        return [self._ended(ids, p) for ids, p in zip(encoded, prompts, strict=True)]

    def _ended(self, ids: list[int], prompt: Text) -> list[int]:
        """With EOS behind it, unless the template or a foreign tokenizer decides about that."""
        if not self.rendering.append_eos or self._templated(prompt):
            return ids
        return ids if ids and ids[-1] == self.eos_id else [*ids, self.eos_id]

    def _templated(self, prompt: Text) -> bool:
        return not isinstance(prompt, str) and self.rendering.messages == "template"

    def _encode(self, texts: list[str], prompts: Sequence[Text]) -> list[list[int]]:
        """Tokens of each text; `prompts` tells which of them a chat template wrote."""
        encoded: list[list[int]] = [[] for _ in texts]
        for templated in (False, True):
            places = [i for i, p in enumerate(prompts) if self._templated(p) is templated]
            if places:
                # A template writes its special tokens itself.
                batch = self.tokenizer(
                    [texts[i] for i in places], add_special_tokens=not templated
                )["input_ids"]
                for place, ids in zip(places, batch, strict=True):
                    encoded[place] = self._bare(ids, templated)
        return encoded

    def _bare(self, ids: Iterable[int], templated: bool) -> list[int]:
        """Without the EOS that some tokenizers add by themselves, and never empty."""
        bare = [int(i) for i in ids]
        if self.rendering.append_eos and not templated and bare and bare[-1] == self.eos_id:
            bare.pop()
        if bare:
            return bare
        bos = self.tokenizer.bos_token_id
        return [int(bos) if bos is not None else self.eos_id]

    def _prompt_text(self, prompt: Text) -> str:
        if isinstance(prompt, str):
            return prompt
        if self.rendering.messages == "plain":
            return plain_dialogue(prompt, reply=True)
        return self._template(prompt, reply=True)

    def _joined_text(self, prompt: Text, completion: Text) -> str:
        if isinstance(prompt, str):
            if not isinstance(completion, str):
                raise InputError("A text prompt has a completion of messages: make both one form.")
            return prompt + completion
        answer = (
            [Message(role="assistant", content=completion)]
            if isinstance(completion, str)
            else completion
        )
        if self.rendering.messages == "plain":
            return plain_dialogue([*prompt, *answer])
        return self._template([*prompt, *answer], reply=False)

    def _template(self, messages: Sequence[Message], *, reply: bool) -> str:
        import jinja2

        turns = [{"role": m.role, "content": m.content} for m in messages]
        try:
            text: str = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=reply
            )
        except jinja2.TemplateError as error:
            raise InputError(f"The model's chat template refuses a conversation: {error}.") from (
                error
            )
        return text

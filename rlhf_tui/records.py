"""The things the program is about, as typed records; no I/O.

Every other room speaks in these. They are msgspec structs: validated when they cross the socket
or come from a file, cheap to make, and light to import.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]
Origin = Literal["model", "human", "edit"]
Split = Literal["train", "validation", "test"]
TaskKind = Literal["rank", "thumbs"]
EventKind = Literal[
    "lease", "judge", "revise", "retract", "skip", "flag", "release", "adjudicate", "reopen"
]
Selection = Literal[
    "", "sequential", "priority", "random", "fewest", "informative", "control", "gold", "repeat"
]
"""Why an item was handed out; `control` is the random share beside an order that chooses."""
AnnotatorKind = Literal["human", "ai"]
JUDGEMENT_KINDS: frozenset[str] = frozenset({"judge", "revise"})
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MAX_COMPLETIONS = 9
"""A ranking shows at most this many: they are chosen by the digit keys."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a conversation, as TRL's conversational data sets write it."""

    role: Role
    content: str


Text = str | list[Message]
"""A prompt or a completion in the form it came in: plain text, or messages."""


class Prompt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model continues.

    A text prompt joins its completion with nothing between; a conversation is rendered by the
    tokenizer's chat template.
    """

    prompt_id: str
    prompt: Text
    source: str = ""
    split: Split = "train"
    meta: dict[str, Any] = {}


class Completion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One continuation of a prompt."""

    completion_id: str
    prompt_id: str
    completion: Text
    origin: Origin = "model"
    model: str = ""
    """Model name, path or run id; never shown to annotators."""
    run_id: str = ""
    """The generate run that wrote it; empty for imported ones."""
    parameters: dict[str, Any] = {}
    """Generation parameters: temperature, top_p, max_new_tokens, seed."""
    tokens: int | None = None
    """Length in the model's tokens, without padding, EOS included; None if unknown."""
    finish_reason: Literal["eos", "length"] | None = None
    parent: str | None = None
    """The completion that this one is an edit of."""
    demonstration: bool = False
    """True for an imported or hand-written completion that SFT learns from."""


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to judge: a ranking of 2 to 9 completions, or one completion for a thumb."""

    task_id: str
    kind: TaskKind
    prompt_id: str
    completion_ids: list[str]
    overlap: int = 1
    """Judgements wanted, each by another annotator."""
    priority: int = 0
    """Higher comes first."""
    run_id: str = ""
    gold: dict[str, int] | None = None
    """Known answer, for quality control: tiers by completion id; of a thumbs task 1 is good and
    2 is bad. Handed out to everyone now and then, whatever the overlap."""
    repeat_of: str | None = None
    """The task that this one asks again, with its sides swapped, to see whether one person says
    the same twice. Its judgements measure people and never train a model."""
    assignee: str = ""
    """The only annotator it is for; empty: anyone."""


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """A completion that an annotator wrote while judging; stored with the judgement.

    Its id stands in the event's `shown`, with a tier better than that of its parent. A revision
    says again what it keeps: what a judgement wrote counts for as long as that judgement stands.
    """

    completion_id: str
    """`imported_completion_id(prompt_id, text, origin, "")` with the origin that `parent` says."""
    text: Text
    parent: str | None = None
    """The completion that this is an edit of (origin `edit`); None: a demonstration written from
    nothing (origin `human`)."""

    @property
    def origin(self) -> Origin:
        return "human" if self.parent is None else "edit"


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the append-only log of judgements.

    `tiers` and `thumbs` stand in the order of `shown`. Tier 1 is best, equal tiers are a tie,
    None is unranked. Tie, both-bad, unsure and skip are four different things.
    """

    event_id: str
    """Made by the client (UUIDv7): a repeated submission is a duplicate, never a second row."""
    kind: EventKind
    task_id: str
    annotator: str = ""
    """Filled in by the hub from the connection's identity, unless it is an import."""
    shown: list[str] = []
    """Completion ids in the order in which they were shown."""
    tiers: list[int | None] = []
    thumbs: list[bool | None] = []
    both_bad: bool = False
    unsure: bool = False
    strength: int | None = None
    """Strength of preference for pairs, 1 slightly to 4 much."""
    aspects: dict[str, dict[str, int]] = {}
    """Completion id → aspect → point of its Likert scale, 1 (worst) up."""
    critique: str = ""
    tags: list[str] = []
    guidelines: str = ""
    """Version of the guidelines that the person had; empty without guidelines."""
    selection: Selection = ""
    """Why the item was handed out; set by the hub, never told to annotators."""
    reason: str = ""
    """Why skipped or flagged."""
    written: list[Written] = []
    active_ms: int = 0
    """Time at work on it, idle time cut out."""
    wall_ms: int = 0
    supersedes: str | None = None
    """The event that a revision or retraction replaces."""
    client: str = ""
    created_ms: int = 0
    """The client's clock, milliseconds since 1970."""
    expires_ms: int = 0
    """End of a lease; 0 for all other kinds."""
    surplus: bool = False
    """Came after its lease had expired and the wanted overlap was reached; set by the hub."""
    acting_uid: int = -1
    """The system user who acted, which differs from the annotator under `--as`; set by the hub."""
    seq: int = 0
    """Position in the log; set by the hub."""


class Annotator(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    kind: AnnotatorKind = "human"


class Score(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a learned thing says of a completion."""

    completion_id: str
    run_id: str
    """The run that scored it (kind `score`)."""
    model: str
    """The reward model: a run id or path; empty when there was none."""
    mean: float | None
    """None without a reward model: only `kl` says something."""
    spread: float | None = None
    kl: float | None = None
    """Summed k1 estimate of KL(policy ‖ reference) over the completion's tokens, in nats."""


def new_event_id() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then random; sorts by time of making."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def content_id(prefix: str, *parts: object) -> str:
    """A stable id of the content: what is imported twice gets the same id and adds nothing."""
    digest = hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
    return f"{prefix}-{digest[:20]}"


def prompt_id(prompt: Text) -> str:
    return content_id("p", prompt)


def imported_completion_id(prompt: str, completion: Text, origin: Origin, model: str) -> str:
    """Id of a completion from a file; `prompt` is the prompt's id."""
    return content_id("c", prompt, completion, origin, model)


def generated_completion_id(run_id: str, prompt: str, index: int) -> str:
    """Id of the `index`-th completion of a prompt in a generate run: the same when replayed."""
    return content_id("c", run_id, prompt, index)


def task_id(kind: TaskKind, completion_ids: list[str]) -> str:
    return content_id("t", kind, sorted(completion_ids))


def first_user_turn(prompt: Text) -> str:
    """What the split is a hash of: conversations that begin alike never straddle splits."""
    if isinstance(prompt, str):
        return prompt
    for message in prompt:
        if message.role == "user":
            return message.content
    return prompt[0].content if prompt else ""


def split_of(prompt: Text, seed: int, validation: float, test: float) -> Split:
    """The split of a prompt, from a hash of its first user turn and the workspace's seed.

    Args:
        validation, test: shares in [0, 1]; the rest is train.
    """
    digest = hashlib.sha256(f"{seed}\0{first_user_turn(prompt)}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def plain(text: Text) -> str:
    """A text for people and for search: messages become `role: content` paragraphs."""
    if isinstance(text, str):
        return text
    return "\n\n".join(f"{m.role}: {m.content}" for m in text)

"""One good row of every known format, in the forms in which it comes."""

from __future__ import annotations

from typing import Any

USER = {"role": "user", "content": "What is the capital of France?"}
GOOD = {"role": "assistant", "content": "Paris."}
BAD = {"role": "assistant", "content": "Rome."}
TALK = "\n\nHuman: Hello\n\nAssistant: Hi!\n\nHuman: What is 2 + 2?\n\nAssistant:"

RANKING = {
    "event_id": "0190-a",
    "kind": "judge",
    "task_id": "t-1",
    "annotator": "ada",
    "annotator_kind": "ai",
    "shown": ["c-2", "c-1", "c-3"],
    "tiers": [1, None, 1],
    "thumbs": [],
    "both_bad": True,
    "unsure": False,
    "strength": 3,
    "aspects": '{"c-1": {"style": 4}}',
    "critique": "fine",
    "tags": ["films"],
    "guidelines": "0123456789ab",
    "selection": "control",
    "reason": "",
    "written": [
        {"completion_id": "c-w", "text": " better", "messages": None, "parent": "c-1"},
        {
            "completion_id": "c-n",
            "text": None,
            "messages": [{"role": "assistant", "content": "new"}],
            "parent": None,
        },
    ],
    "active_ms": 900,
    "wall_ms": 1000,
    "supersedes": "0190-9",
    "client": "tui",
    "created_ms": 1700000000000,
    "expires_ms": 0,
    "surplus": True,
    "acting_uid": 1000,
    "seq": 17,
    "task": {
        "kind": "rank",
        "completion_ids": ["c-1", "c-2", "c-3"],
        "overlap": 3,
        "priority": 2,
        "run_id": "generate-0001",
        "gold": '{"c-1": 1, "c-2": 2}',
        "repeat_of": "t-0",
        "assignee": "zoe",
    },
    "prompt_id": "p-1",
    "prompt_text": "Once",
    "prompt_messages": None,
    "source": "a.txt",
    "split": "validation",
    "meta": '{"topic": "tales"}',
    "completions": [
        {
            "completion_id": f"c-{n}",
            "text": f" upon {n}",
            "messages": None,
            "origin": "model",
            "model": "m",
            "run_id": "generate-0001",
            "parameters": '{"temperature": 0.7}',
            "tokens": 4,
            "finish_reason": "eos",
            "parent": None,
            "demonstration": False,
        }
        for n in (1, 2, 3)
    ],
}

EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("prompt-only", {"prompt": "The sky is"}),
    ("prompt-only", {"prompt": [USER]}),
    ("prompt-completion", {"prompt": "The sky is", "completion": " blue."}),
    ("prompt-completion", {"prompt": [USER], "completion": [GOOD]}),
    ("preference", {"prompt": "The sky is", "chosen": " blue.", "rejected": " green."}),
    ("preference", {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]}),
    ("preference-implicit", {"chosen": "The sky is blue.", "rejected": "The sky is green."}),
    ("preference-implicit", {"chosen": [USER, GOOD], "rejected": [USER, BAD]}),
    ("unpaired-preference", {"prompt": "The sky is", "completion": " blue.", "label": True}),
    ("unpaired-preference", {"prompt": [USER], "completion": [BAD], "label": False}),
    ("text", {"text": "The sky is blue and the sea is too."}),
    ("messages", {"messages": [USER, GOOD]}),
    ("hh-rlhf", {"chosen": f"{TALK} It is 4.", "rejected": f"{TALK} It is 5."}),
    ("completions", {"prompt": "The sky is", "completions": [" blue.", " green."]}),
    ("completions", {"prompt": [USER], "completions": [[GOOD], [BAD]], "model": "m"}),
    (
        "course-preference",
        {"input_text": "Sum up:", "candidate_0": " A", "candidate_1": " B", "choice": 1},
    ),
    ("course-sft", {"input_text": "Sum up:", "output_text": " A"}),
    ("course-prompts", {"input_text": "Sum up:"}),
    ("rankings", RANKING),
]

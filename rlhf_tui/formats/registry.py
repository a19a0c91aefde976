"""All known formats; adding one is a small file beside these and its name in the tuple."""

from __future__ import annotations

from rlhf_tui.formats import (
    completions,
    course,
    hh_rlhf,
    language_modelling,
    preference,
    preference_implicit,
    prompt_completion,
    prompt_only,
    rankings,
    unpaired_preference,
)
from rlhf_tui.formats.base import Format

FORMATS: tuple[Format, ...] = (
    prompt_only.FORMAT,
    prompt_completion.FORMAT,
    preference.FORMAT,
    preference_implicit.FORMAT,
    unpaired_preference.FORMAT,
    language_modelling.TEXT,
    language_modelling.MESSAGES,
    hh_rlhf.FORMAT,
    completions.FORMAT,
    course.PREFERENCE,
    course.DEMONSTRATION,
    course.PROMPT,
    rankings.FORMAT,
)

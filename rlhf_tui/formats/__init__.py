"""Public files → records, with line-numbered rejects."""

from __future__ import annotations

from rlhf_tui.formats.reading import Batch, Reading, Reject, read, write_rejects
from rlhf_tui.formats.registry import FORMATS

__all__ = ["FORMATS", "Batch", "Reading", "Reject", "read", "write_rejects"]

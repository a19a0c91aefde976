"""The worker; its main process hears of a stop once it has done the step that `stop-at` names."""

import sys
from typing import Any

from rlhf_tui.runs import worker
from rlhf_tui.runs.context import RunContext

progress = RunContext.progress


def watched(context: RunContext, step: int, *rest: Any, **named: Any) -> None:
    progress(context, step, *rest, **named)
    wanted = context.directory / "stop-at"
    if context.is_main and wanted.exists() and step >= int(wanted.read_text()):
        context.stop()


RunContext.progress = watched  # type: ignore[method-assign]
sys.exit(worker.main())

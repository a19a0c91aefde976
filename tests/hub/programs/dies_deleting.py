"""The hub, killed in the middle of a deletion: what is moved aside is not forgotten yet."""

import os
import sys
from typing import Any

from rlhf_tui.hub import removal, server


def die(*_: Any) -> None:
    os._exit(9)


removal.delete_run = die  # type: ignore[assignment]
sys.exit(server.main())

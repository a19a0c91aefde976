"""`rlhf-tui` and `python -m rlhf_tui.cli`: Ctrl-C and bugs are met before the first import."""

from __future__ import annotations

import sys
from typing import NoReturn

from rlhf_tui.cli.crash import INTERRUPTED, install_crash_report


def main() -> NoReturn:
    install_crash_report()
    try:
        from rlhf_tui.cli.quick import quick

        screens = quick(sys.argv[1:])
        if screens is None:
            from rlhf_tui.cli.main import main as run
        from rlhf_tui.cli.ending import leave_with
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if screens is not None:
        leave_with(screens)
    run()


if __name__ == "__main__":
    main()

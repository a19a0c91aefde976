"""`rlhf-tui` and `python -m rlhf_tui.cli`: Ctrl-C and bugs are met before the first import."""

from __future__ import annotations

import sys
from typing import NoReturn

from rlhf_tui.cli.crash import INTERRUPTED, install_crash_report


def main() -> NoReturn:
    install_crash_report()
    try:
        from rlhf_tui.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()

"""The supervisor, with the tests' worker, a hub that only leaves a mark, and a kernel that kills
for want of memory where a run says so."""

import sys
from pathlib import Path

from rlhf_tui.runs import supervisor

LEAVE_A_MARK = "import sys, pathlib; pathlib.Path(sys.argv[1], 'hub-started').touch()"
supervisor.HUB_COMMAND = (sys.executable, "-c", LEAVE_A_MARK)


def kills() -> int:
    """The control group's count, as far as the tests' runs are in it."""
    try:
        return len((Path(sys.argv[1]) / "killed-for-memory").read_text().splitlines())
    except FileNotFoundError:
        return 0


supervisor.out_of_memory_kills = kills
work = Path(__file__).with_name("work.py")
sys.exit(supervisor.main(worker=[sys.executable, str(work)]))

"""The supervisor, with a worker that can be told at which step to stop, and without a hub."""

import sys
from pathlib import Path

from rlhf_tui.runs import supervisor

supervisor.HUB_COMMAND = (sys.executable, "-c", "")
work = Path(__file__).with_name("work.py")
sys.exit(supervisor.main(worker=[sys.executable, str(work)]))

"""The supervisor, with the tests' worker and without starting a hub at its end."""

import sys
from pathlib import Path

from rlhf_tui.runs import supervisor

supervisor.HUB_COMMAND = (sys.executable, "-c", "")
work = Path(__file__).with_name("work.py")
sys.exit(supervisor.main(worker=[sys.executable, str(work)]))

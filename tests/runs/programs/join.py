"""A further machine, with the tests' worker."""

import sys
from pathlib import Path

from rlhf_tui.runs import join

join.POLL_S = 0.05
work = Path(__file__).with_name("work.py")
sys.exit(join.main(worker=[sys.executable, str(work)]))

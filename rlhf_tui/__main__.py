"""`python -m rlhf_tui`: the same as `rlhf-tui`, where no script is on the path."""

from rlhf_tui.cli.__main__ import main

if __name__ == "__main__":
    main()

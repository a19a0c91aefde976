"""A small closed world for the offline demo: film reviews, prompts, and a model that writes them.

`world` is the grammar and the truth (which review is positive); `make` writes the files that lie
beside this module. Only `train` and `complete` import torch, and nothing imports them but `make`.
"""

from pathlib import Path

DIRECTORY: Path = Path(__file__).parent
"""The folder that holds the shipped files: `model/` and the `.jsonl` files."""

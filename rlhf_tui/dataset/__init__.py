"""Judgements to data sets in TRL's types: picks, files, and the snapshots of runs."""

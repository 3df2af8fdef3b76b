"""The closed loop on a thousand random evenings and noons: plant, agent and a judge, one process.

`python -m studies.limiting` plays and judges them, `--seed N --explain` shows one.
"""

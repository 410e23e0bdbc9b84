"""The whole provider on a simulated Flare in virtual time: seeded rounds with faults, crash points, planted bugs.

python -m tests.sim --rounds 20000        # what `make sim` runs
python -m tests.sim --seed 4711           # one failure again, told step by step
"""

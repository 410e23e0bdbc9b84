"""The judge: recomputes every round of a chain from what its node says, and counts offences.

It imports nothing of Chrono: the standard library, a keccak library and py-flare-common only. So it can be wrong only
where it and Chrono misunderstand Flare in the same way.
"""

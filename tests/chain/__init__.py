"""A chain of one's own on which providers vote: anvil, contracts in tests/contracts, and providers of other hands.

Nothing here imports Chrono. Whatever it runs of Chrono it runs as a process, as an operator would.
"""

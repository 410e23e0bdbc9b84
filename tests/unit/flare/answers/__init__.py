"""What Chrono answers to the protocol vectors: one module per file of `tests/vectors`, with one function `answer`.

`answer(case)` gets a case without its `expected` part and returns what Chrono computes for it, spelled as the file
spells it. Nothing here may read the expected values: the comparison is made by `test_vectors.py` alone.
"""

"""The consensus measured against recorded and simulated history: `python -m tests.truth` writes docs/truth.md."""

"""`python -m chrono.cli` is the same as `chrono`."""

from chrono.cli import main

main()

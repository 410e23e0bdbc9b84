"""The words of the Flare protocol: bytes and sums, without I/O."""

"""Rules held against recordings: our consensus beside others, on the very same frames, by the code that prices live."""

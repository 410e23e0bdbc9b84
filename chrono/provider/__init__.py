"""The duty at work: a thread and a loop of its own, in which `voting` is driven with nodes, keys and a journal."""

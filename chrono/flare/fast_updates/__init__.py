"""Fast updates, the block-latency feeds: who may submit, when, and what. Source: fsp.md section 8."""

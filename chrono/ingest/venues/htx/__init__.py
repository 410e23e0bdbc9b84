"""HTX (formerly Huobi) spot; its streams are gzipped."""

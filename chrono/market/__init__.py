"""The words of the market: what venues quote and deal, how pairs convert, and the tapes that keep them."""

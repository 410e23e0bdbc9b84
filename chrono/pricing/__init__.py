"""From quotes to one number per market, with the whole way there on record."""

"""The keys: where they lie, what each may sign, and the Ledger for those that are not here."""

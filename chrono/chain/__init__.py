"""The way to a Flare chain: nodes, transactions, fees, contracts, and the little of its history that a vote needs."""

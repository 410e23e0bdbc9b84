"""Pools of Uniswap v3 on Ethereum, read through a node of the operator: prices that no company tells."""

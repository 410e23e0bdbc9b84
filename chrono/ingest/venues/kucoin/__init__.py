"""KuCoin spot, classic API."""

"""Gemini: the WebSocket of 2026 (ws.gemini.com), the socket before it, and the public price feed."""

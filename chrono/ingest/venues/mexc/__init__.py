"""MEXC spot, API v3; its streams are protobuf."""

"""Live frames to many readers, each at its own pace."""

"""The PostgreSQL that comes with Chrono: its binaries from a wheel, run and guarded by our own small code."""

from chrono.store.postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]

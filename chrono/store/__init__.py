"""What outlives the process: PostgreSQL, the spool before it, and the optional shared cache. See door.Store."""

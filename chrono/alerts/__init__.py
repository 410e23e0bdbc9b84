"""Who is told when the duty is in danger: pure rules over what is watched, and the way out to whoever must come."""

"""Writes. Each is a verb, takes who is acting as `by`, and writes its audit row in the caller's transaction."""

"""Enrolled keys: which keys a user may send, known by their fingerprints alone."""

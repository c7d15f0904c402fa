"""The check of an adapter: whether it keeps to the door, and to what it says it can."""

"""Scripted answers: a chat model that says what a test wrote, and a way to give one to a feature."""

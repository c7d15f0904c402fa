"""The leak kit: canary keys and prompts, the sinks in which they must not turn up, and the verdict."""

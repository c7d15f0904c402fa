"""The catalog: features, profiles, pinned routes and providers as data, and the checks that they pass."""

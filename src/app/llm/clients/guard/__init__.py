"""The guard of endpoints that users name: where they may be, and how much they may say."""

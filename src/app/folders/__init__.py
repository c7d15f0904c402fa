"""Filing a conversation into one of a user's folders."""

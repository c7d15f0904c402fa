"""Filing a whole file of conversations: reading it, keeping results, counting them."""

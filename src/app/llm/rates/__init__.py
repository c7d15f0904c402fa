"""Client-side rate limits: how many requests a (provider, model, payer) is sent at most."""

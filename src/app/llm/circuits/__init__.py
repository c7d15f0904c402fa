"""Circuit breakers: what is known of a (provider, model, payer class) that keeps failing."""

"""Providers: rows of data, one adapter a wire protocol, and the registry that joins them."""

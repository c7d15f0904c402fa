"""Pointsman: the layer between a product's features and language models."""

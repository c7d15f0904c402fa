"""Whether users' keys work: what calls have seen of them, and telling the product when that changes."""

"""Bring your own key: the scope of a request, and which route its keys serve."""

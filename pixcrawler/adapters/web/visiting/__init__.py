"""Visiting: one address, from its site's wishes to its bytes, and the evidence of it."""

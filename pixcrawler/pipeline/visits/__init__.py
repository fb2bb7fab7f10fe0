"""Visits: what is fair when a site is visited, and what is kept of a visit."""

"""Calls: single requests of web APIs, bounded, with causes in words."""

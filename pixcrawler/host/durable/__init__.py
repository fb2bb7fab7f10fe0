"""Durable Functions on SQLite, by the v1 out-of-process protocol."""

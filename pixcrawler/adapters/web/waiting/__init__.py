"""Waiting: for a turn at a host that all workers share, and for room in this process."""

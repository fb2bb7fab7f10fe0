"""Connecting: only to addresses that were judged, and never further than was asked."""

"""Measurements: numbers with machine and settings; they never gate."""

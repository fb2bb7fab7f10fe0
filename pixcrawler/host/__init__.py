"""The embedded Functions host and the local stack."""

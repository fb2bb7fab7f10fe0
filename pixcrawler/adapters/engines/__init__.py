"""Engines: one file each; a request builder, a pure parser over bytes, a block detector."""

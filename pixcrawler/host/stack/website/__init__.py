"""A small website of generated pictures, so that a first run needs no Internet."""

"""The user's own lists and pictures, in the shape of an engine and of a fetcher."""

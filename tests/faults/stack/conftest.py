"""Whole stacks for the tests of this folder."""

from tests.integration.stack.fixtures import app, azurite_cache, stacks, start_stack

__all__ = ["app", "azurite_cache", "stacks", "start_stack"]

"""Hosts and one Azurite for the tests of this folder."""

from tests.integration.host.fixtures import azurite, space, start_host

__all__ = ["azurite", "space", "start_host"]

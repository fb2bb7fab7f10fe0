"""Hosts and one Azurite for the tests of this folder."""

from tests.integration.host.fixtures import azurite, start_host

__all__ = ["azurite", "start_host"]

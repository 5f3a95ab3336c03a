"""The same processes as in the end-to-end tests."""

from tests.e2e.conftest import core, processes

__all__ = ["core", "processes"]

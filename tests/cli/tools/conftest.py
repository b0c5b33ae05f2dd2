"""The file server of `helpers.weights_server`, as a fixture."""

from helpers.weights_server import server  # noqa: F401

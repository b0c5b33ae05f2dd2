"""A file server for tests of `pipeline.weights`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helpers.weights import CONTENT, Server, start


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """Serves CONTENT as /net.pth."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state, httpd = start({"/net.pth": CONTENT})
    yield state
    httpd.shutdown()
    httpd.server_close()

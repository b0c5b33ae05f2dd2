"""Templates are compiled once in a worker, not once in each of the pages that these tests write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from io import BytesIO

import pytest
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket

from pipeline.reporting.html import page


class Memory(BytecodeCache):
    """Compiled templates by name, file and content, as jinja2 keys them: a changed template is compiled anew."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.load_bytecode(BytesIO(self.kept[bucket.key]))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "Environment", partial(Environment, bytecode_cache=Memory()))
        yield

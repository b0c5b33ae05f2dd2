"""What dvc.yaml reads beside params.yaml, made from it and from the code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.files import write_json
from pipeline.engine.code_digest import all_digests
from pipeline.systems.plan import FILE, write_plan

CODE = "code.json"


def renew(params: Mapping[str, Any], file: Path) -> bool:
    """Write plan.yaml beside params.yaml, and code.json where there is none, which `dvc repro --dry` needs before the
    stage `code` has run; return whether the plan is another one than before.
    """
    code = file.with_name(CODE)
    if not code.is_file():
        write_json(code, all_digests(params))
    return write_plan(params, file.with_name(FILE))

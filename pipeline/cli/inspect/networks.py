"""Files of PyTorch: layers, shapes and parameters, read without PyTorch, with nothing run."""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.core.errors import ArtifactError
from pipeline.runner.layout import Part, pairs, shown, table
from pipeline.runner.terminal import count, short

_KINDS = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64",
    "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool",
}  # fmt: skip


class _Tensor(NamedTuple):
    shape: tuple[int, ...]
    kind: str


_STAND_INS: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "torch._utils._rebuild_tensor_v2": lambda kind, _, shape, *__: _Tensor(tuple(shape), kind),
    "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
    **{f"torch.{name}": kind for name, kind in _KINDS.items()},
}
"""For the few things that a file of tensors names."""
_TENSORS = 60
_PLENTY = 64 << 20
"""Bytes that an archive may claim beyond its own, for a file that somebody has packed again."""
_MOST = 300_000
"""Values beside tensors; a list that holds one list many times, and that another one, has billions."""
_PREFERRED = "state"


def describe(path: Path, payload: bytes | None = None) -> list[Part]:
    """Return layers, shapes and numbers of parameters, and whatever else lies in a file of PyTorch."""
    content = _loaded(path, payload)
    tensors = list(_tensors(content, ""))
    inside = [item for item in tensors if item[0].startswith(f"{_PREFERRED}.")]
    parameters = f"{sum(math.prod(shape) for _, shape, _ in inside or tensors):,}"
    words = f"{parameters} in {count(len(inside or tensors), 'tensor')}{f' in {_PREFERRED}' if inside else ''}"
    about = [(str(key), short(value, 160)) for key, value in content.items() if not any(_tensors(value, ""))]
    rows = [[n, "x".join(map(str, s)) or "one", kind, f"{math.prod(s):,}"] for n, s, kind in tensors[:_TENSORS]]
    found = table(["tensor", "shape", "type", "numbers"], rows, range(3))
    return [pairs([*about, ("parameters", words)]), "", *shown([found], len(tensors), _TENSORS)]


def describe_checkpoint(path: Path) -> list[Part]:
    """Return the same of a checkpoint (`pipeline.training.checkpoints`), whose digest has to hold."""
    head, _, payload = path.read_bytes().partition(b"\n")
    key, digest = [*head.decode("ascii", "replace").split(), "", "", ""][1:3]
    if sha256(payload).hexdigest() != digest:
        raise ArtifactError(f"{path}: a checkpoint whose digest does not hold; training starts over by itself")
    return [pairs([("key", key)]), *describe(path, payload)]


def _loaded(path: Path, payload: bytes | None) -> Mapping[Any, Any]:
    """Return what a file of PyTorch holds, each tensor as its shape and type."""
    try:
        with zipfile.ZipFile(path if payload is None else io.BytesIO(payload)) as archive:
            _check_sizes(archive, Path(path).stat().st_size if payload is None else len(payload))
            if bad := archive.testzip():
                raise zipfile.BadZipFile(f"the checksum of {bad} does not hold")
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            content = _Shapes(io.BytesIO(archive.read(name))).load()
            _check_values(content)
    except Exception as error:
        words = short(str(error).split("\n")[0], 120)
        said = f"not opened: damaged, or more than tensors in it ({words})"
        raise ArtifactError(f"{path}: {said}; move it away and rerun its stage") from error
    if not isinstance(content, Mapping):
        said = f"holds {type(content).__name__}, no network by name"
        raise ArtifactError(f"{path}: {said}; rerun its stage with `dvc repro -f`")
    return content


def _check_sizes(archive: zipfile.ZipFile, held: int) -> None:
    """Refuse an archive that claims more than it holds: PyTorch compresses nothing."""
    claimed = sum(one.file_size for one in archive.infolist())
    if claimed > held + _PLENTY:
        raise zipfile.BadZipFile(f"it claims {claimed:,} bytes and holds {held:,}")


def _check_values(content: Any) -> None:
    """Refuse what stands for too many values, or holds itself."""
    todo, count = [content], 0
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping | list | tuple) and not isinstance(value, _Tensor):
            count += len(value)
            todo += value.values() if isinstance(value, Mapping) else value
        if count > _MOST:
            raise pickle.UnpicklingError(f"it stands for more than {_MOST:,} values")


class _Shapes(pickle.Unpickler):
    """Reads shapes and plain values; whatever else a file names is refused, so that nothing in it runs."""

    def persistent_load(self, pid: Any) -> Any:  # the type of a tensor's numbers; they lie elsewhere in the file
        return pid[1]

    def find_class(self, module: str, name: str) -> Any:
        found = _STAND_INS.get(f"{module}.{name.removesuffix('Storage') if module == 'torch' else name}")
        if found is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return found


def _tensors(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Yield (name, shape, type) of every tensor within dicts and lists."""
    if isinstance(value, _Tensor):
        yield name, *value
    elif isinstance(value, Mapping | list | tuple) and depth < 8:
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _tensors(inner, f"{name}.{key}" if name else str(key), depth + 1)

"""torchvision's models come with or without its compiled operators, and nothing is declared that exists."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.networks import torchvision_ops

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


WITH = """
if not ops._operators_load():
    other = torch.library.Library('torchvision', 'DEF')
    other.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    other.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
ops.models()
print(len(ops._declared))
"""
WITHOUT = """
def fail(path): raise OSError(path)
torch.ops.load_library = fail
models = ops.models()
with torch.device('meta'):
    print(models.alexnet()(torch.empty(1, 3, 224, 224)).shape[1], len(ops._declared))
try:
    torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
except NotImplementedError:
    print('no code')
"""
BOTH = f"""
import os, sys, torch
from pipeline.networks import torchvision_ops as ops
assert 'torchvision' not in sys.modules
for program in ({WITH!r}, {WITHOUT!r}):
    child = os.fork()
    if not child:
        exec(program)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
"""Two processes, neither of which has met torchvision, that share one import of torch."""


@pytest.mark.long
def test_nothing_is_declared_where_operators_exist_and_without_code_where_they_do_not_load():
    """The second as beside a torch of another build: there the loading is made to fail."""
    done = subprocess.run([sys.executable, "-c", BOTH], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "0\n1000 1\nno code\n"), done.stderr


def test_transforms_and_models_work():
    models = torchvision_ops.models()
    assert models is torchvision_ops.models()
    transform = models.AlexNet_Weights.IMAGENET1K_V1.transforms()
    assert transform(torch.rand(3, 300, 260)).shape == (3, 224, 224)

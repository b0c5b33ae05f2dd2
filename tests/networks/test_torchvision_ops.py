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


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_declared_where_the_operators_exist():
    program = (
        "import torch\n"
        "from pipeline.networks import torchvision_ops as ops\n"
        "if not ops._operators_load():\n"
        "    other = torch.library.Library('torchvision', 'DEF')\n"
        "    other.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "    other.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "ops.models()\n"
        "print(len(ops._declared))\n"
    )
    assert run(program) == "0\n"


def test_operators_without_code_where_they_do_not_load():
    """As beside a torch of another build: here the loading is made to fail."""
    program = (
        "import torch\n"
        "def fail(path): raise OSError(path)\n"
        "torch.ops.load_library = fail\n"
        "from pipeline.networks import torchvision_ops as ops\n"
        "models = ops.models()\n"
        "with torch.device('meta'):\n"
        "    print(models.alexnet()(torch.empty(1, 3, 224, 224)).shape[1], len(ops._declared))\n"
        "try:\n"
        "    torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)\n"
        "except NotImplementedError:\n"
        "    print('no code')\n"
    )
    assert run(program) == "1000 1\nno code\n"


def test_transforms_and_models_work():
    models = torchvision_ops.models()
    assert models is torchvision_ops.models()
    transform = models.AlexNet_Weights.IMAGENET1K_V1.transforms()
    assert transform(torch.rand(3, 300, 260)).shape == (3, 224, 224)

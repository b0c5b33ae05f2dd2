"""Among which models and fusions of a system its headline is chosen."""

from __future__ import annotations

from pipeline.systems.ids import FusionId
from pipeline.systems.params import SystemParams, named_fusions, unimodal


def contenders(system: SystemParams) -> dict[str, int]:
    """Return model or fusion -> how many models it rests on: those of `headline`, or all models but the baselines, and
    all fusions.
    """
    by_name = named_fusions(system)
    combined = {name: FusionId.combined(name, each.rule) for name, each in system.combined.items()}
    wanted = [*system.own(), *by_name] if system.headline is None else [combined.get(n, n) for n in system.headline]
    return {str(name): len(unimodal(name, by_name)) for name in wanted}

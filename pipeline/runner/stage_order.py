"""Which stages have to run, by DVC's own word, and which of them begin first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Graph = Mapping[str, frozenset[str]]
"""Stage -> the stages whose outputs it reads."""


def stale_graph(targets: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the stages that have to run, or that rest on one that has, among the targets and what they rest on.

    Raises:
        DvcException: no such target, or no sound dvc.yaml
    """
    from dvc.repo import Repo, lock_repo
    from networkx import descendants

    with Repo() as repo, lock_repo(repo):  # within one lock DVC reads dvc.yaml and dvc.lock once
        graph = repo.index.graph  # edges point from a stage to what it rests on
        changed = set(repo.status(targets=list(targets) or None, with_deps=True))
        below = {stage: descendants(graph, stage) for stage in graph}
        asked = {stage for target in targets for stage in repo.stage.collect(target)} if targets else set(graph)
        wanted = asked.union(*(below[stage] for stage in asked))
        stale = {stage for stage in wanted if any(one.addressing in changed for one in (stage, *below[stage]))}
        return {
            stage.addressing: frozenset(one.addressing for one in graph.successors(stage) if one in stale)
            for stage in stale
        }


def stage_names() -> set[str]:
    """Return the names of all stages."""
    from dvc.repo import Repo

    with Repo() as repo:
        return {stage.addressing for stage in repo.index.stages}


def in_order(graph: Graph) -> list[str]:
    """Return the stages, those first that stand between most others: that most wait for, directly or not, or that wait
    for most.

    The second brings a fusion of many models forward, which takes long and has only its report behind it.
    """
    waiting: dict[str, set[str]] = {name: set() for name in graph}
    for name in graph:
        todo = list(graph[name])
        while todo:
            below = todo.pop()
            if name not in waiting[below]:
                waiting[below].add(name)
                todo += graph[below]
    return sorted(graph, key=lambda name: (-len(waiting[name]) - len(graph[name]), name))

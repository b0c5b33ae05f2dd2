"""What goes in: params.yaml, weights, corpora. Every function runs in a process of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.cli.doctor import Finding, note, ok, wrong
from pipeline.core.errors import PipelineError

PATIENCE_S = 4
"""How long an adapter may look for clips: a large corpus on a slow disk takes longer, and is no fault."""


def settings(params: Path) -> list[Finding]:
    """Check params.yaml as `python -m pipeline check` does."""
    try:
        content, _ = _read(params)  # before further imports, since yaml is the first that it needs
        from pipeline.manifest.settings import check_corpora
        from pipeline.systems.check import check_systems

        words = f"{check_corpora(content)}; {check_systems(content)}"
    except PipelineError as error:
        return [wrong("settings", str(error), "`python -m pipeline check` says when it is mended")]
    return [ok("settings", words)]


def _read(params: Path) -> tuple[dict[str, Any], Any]:
    """Return params.yaml and its section `runtime`, as the stages read them."""
    from pipeline.core.settings import Runtime, parse, read_params

    content = read_params(params)
    return content, parse(Runtime, content.get("runtime"), f"{params}: runtime")


def weights(params: Path) -> list[Finding]:
    """Hash what `fetch_weights` of params.yaml names, where it is here."""
    try:
        content, runtime = _read(params)
        from pipeline.weights.lock import read_lock

        blocks, cache = content.get("fetch_weights") or {}, Path(runtime.weights_cache).expanduser()
        lock = read_lock(params.with_name("weights.lock"))
    except PipelineError as error:
        return [wrong("weights", str(error), "mend that, then `python -m pipeline weights list`")]
    if not blocks:
        return [note("weights", "params.yaml fetches none: features take theirs from pretrain")]
    folder = params.parent / "models" / "pretrained"
    return [_feature(name, block, lock, cache, folder / name) for name, block in blocks.items()]


def _feature(feature: str, block: Any, lock: Any, cache: Path, folder: Path) -> Finding:
    name, step = f"weights, {feature}", f"dvc repro fetch_weights@{feature}"
    wanted = block.get("weights") if isinstance(block, Mapping) else None
    if not isinstance(wanted, list) or not wanted:
        place = f"params.yaml: fetch_weights.{feature}.weights"
        return wrong(name, f"{place}: expected a list of entries of weights.lock", "name at least one")
    try:
        missing = [entry for entry in map(lock.entry, wanted) if not _cached(entry, cache)]
        if made := _made(folder):
            return ok(name, made)
    except PipelineError as error:
        return wrong(name, str(error), "" if "; " in str(error) else "python -m pipeline weights list")
    if not missing:
        return note(name, "fetched, its hash holds; its stage has not run yet", f"make repro, or {step}")
    names = ", ".join(entry.name for entry in missing)
    if by_hand := [entry.by_hand for entry in missing if entry.only_by_hand]:
        remedy = f"get it yourself, then {by_hand[0]}"
        return wrong(name, f"{names} cannot be downloaded", remedy)
    remedy = f"make repro fetches it, or python -m pipeline weights fetch {missing[0].name}"
    return note(name, f"not fetched yet: {names}", remedy)


def _cached(entry: Any, cache: Path) -> bool:
    """Return whether an entry's file is in the cache, hashed; `pipeline.weights.fetch` does the same with torch."""
    from pipeline.weights.lock import check

    path = cache / entry.name / getattr(entry, "file_name", "none")
    if not path.exists():
        return False
    way = "import" if entry.only_by_hand else "fetch"
    check(entry, path, f"move it away and run `python -m pipeline weights {way} {entry.name}`")
    return True


def _made(folder: Path) -> str:
    """Return where the stage's copy is, whose digest has to hold; empty where there is none."""
    from pipeline.core.errors import WeightsError
    from pipeline.core.files import file_digest
    from pipeline.core.weights_file import DIGEST, FILE, PUBLISHED, load_published
    from pipeline.runner.terminal import count

    if (folder / PUBLISHED).is_file():
        number = len(load_published(folder).files)
        return f"{folder}, {count(number, 'file')}, {'its hash holds' if number == 1 else 'hashes hold'}"
    file, beside = folder / FILE, folder / DIGEST
    if not file.is_file():
        return ""
    if not beside.is_file() or beside.read_text(encoding="ascii", errors="replace").split()[:1] != [file_digest(file)]:
        raise WeightsError(f"{file}: {DIGEST} beside it does not hold; move {folder} away and rerun its stage")
    return f"{file}, its hash holds"


def corpora(params: Path) -> list[Finding]:
    """Let the adapter of each corpus look for its clips."""
    from pipeline.core.settings import read_params, section

    try:
        content = read_params(params)
        blocks = section(content, "corpora")
    except PipelineError as error:
        return [wrong("corpora", str(error), f"mend {params}")]
    return [_corpus(name, block, content) for name, block in (blocks or {}).items()]


def _corpus(name: str, block: Any, content: Mapping[str, Any]) -> Finding:
    from pipeline.core.settings import parse
    from pipeline.manifest.build import labelled_clips
    from pipeline.manifest.settings import CorpusParams

    title, remedy = f"corpus {name}", f"mend corpora.{name} in params.yaml, then python -m pipeline corpus check {name}"
    try:
        params = parse(CorpusParams, block, f"params.yaml: corpora.{name}")
        if not Path(params.root).exists():
            return _absent(title, name, params.root, content)
        with _at_most(PATIENCE_S):
            count = sum(1 for _ in labelled_clips(name, params))
    except TimeoutError:
        said = f"{params.root}: not read to its end within {PATIENCE_S} s"
        return note(title, said, f"python -m pipeline corpus check {name}")
    except (PipelineError, OSError) as error:
        return wrong(title, str(error), remedy)
    return ok(title, f"{count} clips in {params.root}") if count else wrong(title, f"no clips in {params.root}", remedy)


def _absent(title: str, name: str, root: str, content: Mapping[str, Any]) -> Finding:
    generated = {f"data/{one}" for one in content.get("generate") or {}}
    generated |= {f"data/degraded/{one}" for one in content.get("degrade") or {}}
    if root.rstrip("/") in generated:
        return note(title, f"{root} is not made yet", "make repro makes it")
    return wrong(title, f"no such folder '{root}'", f"mend corpora.{name}.root in params.yaml, or remove the corpus")


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

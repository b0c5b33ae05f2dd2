"""Right answers on the real corpora at hand, system by system, beside what an afternoon's script gives.

    python -m benchmarks.accuracy                                       ../shared/data, what there is
    python -m benchmarks.accuracy --corpus mine=manifest_csv:/data/mine:loso --systems huang2017

Works in a copy of the project, in the temporary folder or in --keep FOLDER, and leaves the user's results as they are;
networks that `make repro` has trained on source tasks are taken over. Of each system the headline of its report is
shown, what each fold's validation clips choose, never what is best on test. What several systems rest on is counted to
the first of them, in minutes and in MB. The script (benchmarks/afternoon_script.py) is trained on all clips of the
other folds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from math import isnan
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.accuracy_project import Copy, Corpus, Failed
from pipeline.core.clip import class_names, read_manifest
from pipeline.evaluation.choice import CHOSEN, recalls
from pipeline.evaluation.metrics import score
from pipeline.protocols.splits import read_splits
from pipeline.reporting.system.system_report import read_validation
from pipeline.systems.params import SystemParams

DEFAULTS = (
    "composite=manifest_csv:../shared/data/composite:loso",
    "ravdess10=ravdess:../shared/data/ravdess10:ravdess_luna_jimenez",
)
SCRIPT = Path("benchmarks/afternoon_script.py")
WEIGHTS = ("dlib_landmarks_5", "dlib_face_recognition")
HEAD = (
    "| system | accuracy (95 % by speaker) | UAR (95 %) | folds: accuracy, UAR | single model | min | MB |",
    "|---|---|---|---|---|---|---|",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table per corpus, and return 1 if anything failed."""
    args = _parser().parse_args(arguments)
    params = yaml.safe_load(args.params.read_text(encoding="utf-8"))
    systems = args.systems.split(",") if args.systems else list(params["systems"])
    if unknown := sorted(set(systems) - set(params["systems"])):
        sys.exit(f"--systems: {args.params} has no system '{unknown[0]}'; it has {', '.join(params['systems'])}")
    corpora = _at_hand(args.corpus)
    if not corpora:
        print("no corpus at hand; name one by --corpus NAME=ADAPTER:FOLDER:PROTOCOL")
        return 0
    params["systems"] = {name: params["systems"][name] for name in systems}
    with tempfile.TemporaryDirectory(prefix="accuracy-") as folder:
        copy = Copy(Path(args.keep or folder).resolve(), params, corpora)
        print(f"taken over: {', '.join(copy.taken) or 'nothing'}")
        return max(_corpus(copy, corpus, params, args.jobs) for corpus in corpora)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", action="append", type=_corpus_of, help="NAME=ADAPTER:FOLDER:PROTOCOL, repeatable")
    parser.add_argument("--systems", help="names in params.yaml, separated by commas; all if not given")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="other settings than params.yaml")
    parser.add_argument("--jobs", type=int, default=2, help="stages at a time")
    parser.add_argument("--keep", type=Path, help="an empty folder for the copy, kept")
    return parser


def _corpus_of(text: str) -> Corpus:
    try:
        return Corpus.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _at_hand(named: Sequence[Corpus] | None) -> list[Corpus]:
    """Return the corpora whose folders are there, and name the others."""
    found = []
    for corpus in named or [Corpus.parse(text) for text in DEFAULTS]:
        if corpus.root.is_dir():
            found.append(corpus)
        else:
            print(f"skipped {corpus.name}: no such folder '{corpus.root}'")
    return found


def _corpus(copy: Copy, corpus: Corpus, params: dict, jobs: int) -> int:
    """Print the table of a corpus, a row as soon as it is there, and return 1 if a row failed."""
    try:
        copy.repro(f"prepare@{corpus.name}", jobs)
    except Failed as error:
        print(f"\n## {corpus.name}: failed\n\n{error}")
        return 1
    about = json.loads((copy.root / f"features/{corpus.name}/corpus.json").read_text(encoding="utf-8"))
    told = f"{about['clips']} clips, {len(about['speakers'])} speakers, {len(about['emotions'])} emotions"
    print(f"\n## {corpus.name}: {told}, {len(about['folds'])} folds ({about['protocol']['name']})\n")
    print("\n".join(HEAD), flush=True)
    rows = [("afternoon script", lambda: _script(copy, corpus))]
    rows += [(name, lambda name=name: _system(copy, corpus.name, name, params, jobs)) for name in params["systems"]]
    failed = 0
    for name, make in rows:
        copy.new_mb()
        try:
            print(f"| {name} | {make()} {copy.new_mb():.0f} |", flush=True)
        except Failed as error:
            failed = 1
            print(f"| {name} | failed: {error} | | | | | |", flush=True)
    return failed


def _system(copy: Copy, corpus: str, system: str, params: dict, jobs: int) -> str:
    """Return the cells of a system's row but the last."""
    seconds = copy.repro(f"report@{corpus}-{system}", jobs)
    scores = json.loads((copy.root / f"reports/{corpus}/{system}/scores.json").read_text(encoding="utf-8"))
    if CHOSEN not in scores:
        raise Failed("no validation clips, so that no model can be chosen; use validate_by: speakers")
    models = [str(name) for name in SystemParams.model_validate(params["systems"][system]).models()]
    place = copy.root / f"models/{corpus}/{system}"
    right = recalls(read_validation(place / "classifiers", place / "fusion", models), models)
    single = max(models, key=lambda name: right[name])  # the first of equals
    figures = {key: float("nan") if value is None else value for key, value in scores[CHOSEN].items()}
    return f"{_figures(figures)} | {single} {scores[single]['accuracy']:.3f} | {seconds / 60:.1f} |"


def _script(copy: Copy, corpus: Corpus) -> str:
    """Return the cells of the script's row but the last: the product of both modalities."""
    for name in WEIGHTS:
        if not list(Path.home().glob(f".cache/avemotion/weights/{name}/*.dat")):
            raise Failed(f"no weights {name}; run `python -m pipeline weights fetch {name}`")
    folder = copy.root / "features" / corpus.name
    folds = read_splits(folder / "splits.csv")
    used = {clip_id for fold in folds.values() for clip_id in fold}
    clips = [clip for clip in read_manifest(folder / "manifest.csv") if clip.digest and clip.clip_id in used]
    tested = {clip_id: name for name, fold in folds.items() for clip_id, part in fold.items() if part == "test"}
    rows = [(c.clip_id, corpus.root / c.path, c.speaker, c.emotion, tested.get(c.clip_id, "")) for c in clips]
    manifest = copy.root / ".cache/afternoon" / corpus.name / "manifest.csv"
    manifest.parent.mkdir(parents=True)
    columns = ["clip_id", "path", "speaker", "emotion", "fold"]
    pd.DataFrame(rows, columns=columns).to_csv(manifest, index=False)
    begin = time.perf_counter()
    copy.run(sys.executable, str(SCRIPT), str(manifest.parent), str(manifest.with_name("out.csv")))
    seconds = time.perf_counter() - begin
    found = pd.read_csv(manifest.with_name("out.csv"), dtype=str, keep_default_na=False)
    names = class_names(clips)
    each = {
        name: score(found.assign(predicted=found[name]), names, len(found)) for name in ("product", "voice", "face")
    }
    told = ", ".join(f"{name} {each[name].accuracy:.3f}" for name in ("voice", "face"))
    return f"{_figures(vars(each['product']))} | {told} | {seconds / 60:.1f} |"


def _figures(found: dict[str, float]) -> str:
    sd = "" if isnan(found["fold_accuracy_sd"]) else f" ± {found['fold_accuracy_sd']:.3f}"
    uar_sd = "" if isnan(found["fold_uar_sd"]) else f" ± {found['fold_uar_sd']:.3f}"
    return (
        f"{found['accuracy']:.3f} ({found['low']:.3f} to {found['high']:.3f}) | "
        f"{found['uar']:.3f} ({found['uar_low']:.3f} to {found['uar_high']:.3f}) | "
        f"{found['fold_accuracy']:.3f}{sd}, {found['fold_uar']:.3f}{uar_sd}"
    )


if __name__ == "__main__":
    sys.exit(main())

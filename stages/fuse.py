"""fuse: late fusion of the models of one system, learned on validation posteriors, applied to test clips."""

from itertools import chain

from pipeline.core.clip import class_names, read_manifest
from pipeline.core.files import write_json
from pipeline.core.ledger import read_ledger, write_ledger
from pipeline.core.posteriors import read_table, write_table
from pipeline.fusion.per_fold import fuse_all
from pipeline.fusion.weights.run_feedback import run_feedback, write_feedback
from pipeline.protocols.splits import read_splits
from pipeline.runner.stage import Context, stage
from pipeline.systems.ledger import fusion_entries
from pipeline.systems.params import SystemParams


@stage(reads="systems.{system} fuse", names="corpus system", paths="models manifest splits out")
def main(context: Context) -> str:
    args = context.args
    system = context.model(f"systems.{args.system}", SystemParams)
    clips, folds = read_manifest(args.manifest), read_splits(args.splits)
    # the models that params name, never a glob: what was dropped from params may still lie on disk
    tables = {str(model): read_table(args.models / model / "posteriors.csv") for model in system.models()}
    settings, workers = context.section("fuse"), context.runtime.workers
    given = (system, settings, tables, clips, folds, class_names(clips), workers)
    frame, validated, learned = fuse_all(*given)
    write_table(args.out / "predictions.csv", frame.drop(columns="part"))
    write_table(args.out / "validation.csv", validated)
    write_json(args.out / "learned.json", learned)
    write_feedback(args.out, run_feedback(*given))
    upstream = set(chain.from_iterable(read_ledger(args.models / model / "ledger.csv") for model in system.models()))
    write_ledger(args.out / "ledger.csv", [*upstream, *fusion_entries(system, frame, folds, upstream)])
    return f"fuse {args.system}: {len(learned)} fusions of {len(tables)} models"

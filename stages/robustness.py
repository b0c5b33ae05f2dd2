"""robustness: how well one system does when a share of the test clips has lost its sound or its picture."""

from pipeline.core.clip import class_names, read_manifest
from pipeline.core.posteriors import WITHOUT, read_table
from pipeline.fusion.missing_modality import FoldDecisions, RobustnessParams, needs_of, read_learned, robustness
from pipeline.manifest.corpus_json import read_corpus_summary
from pipeline.pretraining.settings import is_generated
from pipeline.protocols.splits import read_splits
from pipeline.reporting.system.robustness import chosen, write_robustness
from pipeline.runner.stage import Context, stage
from pipeline.systems.params import SystemParams, fusions


@stage(reads="systems.{system} robustness", names="corpus system", paths="models fusion manifest splits about out")
def main(context: Context) -> str:
    args = context.args
    system = context.model(f"systems.{args.system}", SystemParams)
    params = context.model("robustness", RobustnessParams)
    clips, folds = read_manifest(args.manifest), read_splits(args.splits)
    needs, wanted = needs_of(system), list(fusions(system))
    tables = {str(model): read_table(args.models / model / "posteriors.csv") for model in system.models()}
    beside = {model: args.models / model / WITHOUT for model in tables}
    without = {model: read_table(path) for model, path in beside.items() if path.is_file()}
    learned = read_learned(args.fusion / "learned.json", wanted, folds)
    decisions = FoldDecisions(wanted, learned, tables, needs, clips, class_names(clips), params.seed, without)
    figures = robustness(decisions, folds, params.shares, context.runtime.workers)
    best = chosen(figures, needs, wanted, system.baselines)
    described = read_corpus_summary(args.about)
    line = write_robustness(args.out, described, args.system, figures, best, is_generated(context.root()))
    return f"robustness {args.system} on {args.corpus}: {line}"

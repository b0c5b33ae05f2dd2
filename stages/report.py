"""report: metrics, the paper's tables, confusion matrices, the ledger and a page for one system on one corpus."""

from pipeline.about import read_about as read_corpus_about
from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.core.stage import Context, run
from pipeline.evaluation import ReportParams, best
from pipeline.posteriors import read_table
from pipeline.pretraining import is_generated
from pipeline.protocols import read_splits
from pipeline.reporting.system_report import SystemReport, read_about, read_feedback, read_learned
from pipeline.system import SystemParams

READS = ("systems.{system}", "report")


def main(context: Context) -> str:
    args = context.args
    settings = context.model(f"systems.{args.system}", SystemParams)
    scores = SystemReport(
        corpus=args.corpus,
        described=read_corpus_about(args.about),
        system=args.system,
        settings=settings,
        clips=read_manifest(args.manifest),
        folds=read_splits(args.splits),
        predictions=read_table(args.fusion / "predictions.csv"),
        learned=read_learned(args.fusion),
        ledger=read_ledger(args.fusion / "ledger.csv"),
        about=read_about(args.models, settings.models()),
        generated=is_generated(context.root()),
        params=context.model("report", ReportParams),
        feedback=read_feedback(args.fusion, settings),
    ).write(args.out)
    chosen = best(scores)
    return f"report {args.system} on {args.corpus}: best is {chosen}, accuracy {scores[chosen].accuracy:.3f}"


if __name__ == "__main__":
    run(main, READS, ("corpus", "system"), ("models", "fusion", "manifest", "splits", "about", "out"))

"""report: metrics, statistics, the paper's tables, confusion matrices and a page for one system on one corpus."""

from pipeline.core.clip import read_manifest
from pipeline.evaluation.choice import CHOSEN
from pipeline.evaluation.metrics import ReportParams
from pipeline.manifest.corpus_json import read_corpus_summary
from pipeline.pretraining.settings import is_generated
from pipeline.protocols.splits import read_splits
from pipeline.reporting.system.system_report import SystemReport, read_results
from pipeline.reporting.system.write import write_report
from pipeline.runner.stage import Context, stage
from pipeline.systems.params import SystemParams


@stage(reads="systems.{system} report", names="corpus system", paths="models fusion manifest splits about out")
def main(context: Context) -> str:
    args, settings = context.args, context.model(f"systems.{context.args.system}", SystemParams)
    report = SystemReport(
        corpus=args.corpus,
        described=read_corpus_summary(args.about),
        system=args.system,
        settings=settings,
        clips=read_manifest(args.manifest),
        folds=read_splits(args.splits),
        generated=is_generated(context.root()),
        params=context.model("report", ReportParams),
        **read_results(args.models, args.fusion, settings),
    )
    scores = write_report(report, args.out)
    found = f"accuracy {scores[CHOSEN].accuracy:.3f}, UAR {scores[CHOSEN].uar:.3f}"
    return f"report {args.system} on {args.corpus}: chosen on validation, {found}"

"""report: metrics, statistics, the paper's tables, confusion matrices and a page for one system on one corpus."""

from pipeline.core.clip import read_manifest
from pipeline.core.decimals import decimal
from pipeline.evaluation.choice import CHOSEN
from pipeline.evaluation.metrics import ReportParams
from pipeline.manifest.corpus_json import read_corpus_summary
from pipeline.pretraining.settings import is_generated
from pipeline.protocols.splits import read_splits
from pipeline.reporting.system.run_record import run_record
from pipeline.reporting.system.system_report import SystemReport, read_results
from pipeline.reporting.system.write import write_report
from pipeline.runner.stage import Context, stage
from pipeline.systems.params import SystemParams


@stage(reads="systems.{system} report", names="corpus system", paths="models fusion manifest splits about out")
def main(context: Context) -> str:
    args, settings = context.args, context.model(f"systems.{context.args.system}", SystemParams)
    models = [args.models / name for name in settings.models()]
    own = {key: context.section(key) for key in (f"systems.{args.system}", "report")}
    report = SystemReport(
        corpus=args.corpus,
        described=read_corpus_summary(args.about),
        system=args.system,
        settings=settings,
        clips=read_manifest(args.manifest),
        folds=read_splits(args.splits),
        generated=is_generated(context.root()),
        params=context.model("report", ReportParams),
        run=run_record([args.fusion, args.manifest, args.splits, args.about, *models], own),
        **read_results(args.models, args.fusion, settings),
    )
    scores = write_report(report, args.out)
    found = f"accuracy {decimal(scores[CHOSEN].accuracy)}, UAR {decimal(scores[CHOSEN].uar)}"
    return f"report {args.system} on {args.corpus}: chosen on validation, {found}"

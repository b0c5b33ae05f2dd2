"""extract: compute one feature of every clip, from its sound, from another feature or from its tracked face."""

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.engine.run import run
from pipeline.features.extract_job import ExtractJob
from pipeline.protocols.splits import check_disjoint_files, check_disjoint_source
from pipeline.runner.stage import Context, stage
from pipeline.training.place import Place


@stage(
    reads="{section}.{feature}",
    names="corpus section feature",
    paths="manifest upstream out ledger",
    optional="source weights",
)
def main(context: Context) -> str:
    args = context.args
    key = f"{args.section}.{args.feature}"
    clips, upstream = read_manifest(args.manifest), read_ledger(args.upstream)
    place = Place.of(context.runtime)
    source = args.source or context.root()
    job = ExtractJob.of(args.feature, context.section(key), key, source, args.weights, place)
    check_disjoint_source(job.source_speakers(), (clip.speaker for clip in clips), args.feature)
    check_disjoint_files(job.source_files(), clips, args.feature)
    return run(job, clips, upstream, job.meta(), args.out, args.ledger, job.place.alone(context.runtime))

"""fuse_features: a joint feature of two segment features, by a fusion network that is learned in every fold."""

from pathlib import Path

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import read_ledger
from pipeline.features.joint.job import JointParams, Sources
from pipeline.features.joint.run import JointPaths, fuse_features
from pipeline.protocols.splits import read_splits
from pipeline.runner.stage import Context, stage


@stage(
    reads="fuse_features.{name}",
    names="corpus name",
    paths="audio video audio-ledger video-ledger manifest splits out kept ledger",
)
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"fuse_features.{args.name}", JointParams)
    upstream = [*read_ledger(args.audio_ledger), *read_ledger(args.video_ledger)]
    scratch = Path(context.runtime.clip_cache).parent / "folds" / f"{args.corpus}-{args.name}"
    paths = JointPaths(args.out, args.kept, args.ledger, scratch)
    clips, folds = read_manifest(args.manifest), read_splits(args.splits)
    return fuse_features(
        args.name, params, Sources(args.audio, args.video), clips, upstream, folds, paths, context.runtime
    )

"""degrade: a corpus twice, clean and as worse microphones and cameras would give it."""

import shutil

from pipeline.core.clip import read_manifest
from pipeline.core.ledger import check_failures, summary, write_ledger
from pipeline.degradation.effects import DegradeParams
from pipeline.degradation.job import Worse, worse_clips
from pipeline.degradation.writer import CLEAN, WORSE, check_worse_ids, write_folder
from pipeline.runner.stage import Context, stage


@stage(reads="degrade.{name}", names="corpus name", paths="manifest out ledger")
def main(context: Context) -> str:
    args = context.args
    settings = context.model(f"degrade.{args.name}", DegradeParams)
    clips, root = read_manifest(args.manifest), context.root()
    check_worse_ids(clips, args.manifest)
    for old in (args.out / CLEAN, args.out / WORSE):  # of a run before, which DVC takes away itself
        if old.exists():
            shutil.rmtree(old)
    work = Worse(root, args.out / WORSE, settings, f"degrade:{args.name}")
    done = worse_clips(work, clips, context.runtime.workers)
    entries = [entry for entry, _ in done]
    write_ledger(args.ledger, entries)
    check_failures(entries, context.runtime.max_failed_fraction, args.ledger)
    files = {entry.clip_id: name for entry, name in done if name}
    write_folder(args.out, root, [clip for clip in clips if clip.clip_id in files], files)
    return f"degrade {args.name}, {settings.corpus} twice: {summary(entries)}"

"""prepare: read a corpus, check it, hash its files, and deal its speakers into folds."""

from pipeline.core.clip import write_manifest
from pipeline.core.ledger import check_failures, summary, write_ledger
from pipeline.corpus import CorpusParams, read_corpus
from pipeline.protocols import make_folds, write_splits
from stages._run import Context, run

READS = ("corpora.{corpus}",)


def main(context: Context) -> str:
    args = context.args
    params = context.model(f"corpora.{args.corpus}", CorpusParams)
    clips, entries = read_corpus(args.corpus, params, context.runtime.workers)
    write_ledger(args.ledger, entries)
    check_failures(entries, context.runtime.max_failed_fraction, args.ledger)
    folds = make_folds(clips, params.protocol)
    write_manifest(args.manifest, clips)
    write_splits(args.splits, folds)
    return f"prepare: {summary(entries)}; protocol {params.protocol.name}, {len(folds)} folds"


if __name__ == "__main__":
    run(main, READS, ("corpus",), ("manifest", "splits", "ledger"))

"""prepare: read a corpus, check it, hash its files, deal its speakers into folds, and write down what was found."""

from pathlib import Path

from pipeline.core.clip import write_manifest
from pipeline.core.ledger import check_failures, summary, write_ledger
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.corpus_json import describe, notes, write_corpus_summary
from pipeline.manifest.settings import CorpusParams, protocol_of, source_of
from pipeline.protocols.assign import make_folds
from pipeline.protocols.outside import with_outside
from pipeline.protocols.splits import write_splits
from pipeline.runner.stage import Context, stage


@stage(reads="corpora.{corpus}", names="corpus", paths="manifest splits ledger about")
def main(context: Context) -> str:
    args = context.args
    params = context.model(f"corpora.{args.corpus}", CorpusParams)
    protocol = protocol_of(args.corpus, params)
    clips, entries = read_corpus(args.corpus, params, context.runtime.workers)
    entries = with_outside(entries, clips, protocol, Path(params.root))
    write_ledger(args.ledger, entries)
    check_failures(entries, context.runtime.max_failed_fraction, args.ledger)
    folds = make_folds(clips, protocol, Path(params.root))
    about = describe(source_of(args.corpus, params), protocol, clips, folds, left_out(args.corpus, params))
    write_manifest(args.manifest, clips)
    write_splits(args.splits, folds)
    write_corpus_summary(args.about, about)
    return "; ".join([f"prepare: {summary(entries)}", f"protocol {protocol.name}, {len(folds)} folds", *notes(about)])

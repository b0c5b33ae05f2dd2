"""One file per corpus. A plugin has

    LABELS      corpus label -> one of `EMOTIONS` or `EXTRA_EMOTIONS`, or `LEFT_OUT`
    LICENCE     as published
    CITATION    as published
    PROTOCOL    optional: settings of the published protocol, taken where params.yaml gives none
    EXPECTED    optional: published counts, as far as known, named as in `pipeline.cli.tools.corpus_check.counts`
    LABELLINGS  optional: sources of labels, such as actors or raters; then `clips` also takes `labelled_by`, one of
                these, by default the first
    JOIN_SPEAKERS  optional: true where the publisher's own tables write one speaker in several ways
    lines       optional: `lines(root) -> Mapping[str, str]`, clip id -> file and line, where a mistake is told with it
    clips       `clips(root) -> Iterator[Clip]`, without digests; raises `CorpusError` for a corpus that is wrong as a
                whole. A file that is absent is no error: the ledger records it

An adapter yields every clip that the corpus has. What is not used, such as a mental state beside the six emotions, has
a label that leads to `LEFT_OUT`: `corpus.json` lists these clips, and `corpora.<name>.labels` can take them in.
"""

LEFT_OUT = "left_out"
"""What a label leads to whose clips are not used."""

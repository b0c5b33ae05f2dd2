"""One file per corpus. A plugin has

    LABELS      corpus label -> one of `EMOTIONS` or `EXTRA_EMOTIONS`
    LICENCE     as published
    CITATION    as published
    clips       `clips(root) -> Iterator[Clip]`, without digests; raises `CorpusError` for a corpus that is wrong as a
                whole. A file that is absent is no error: the ledger records it
"""

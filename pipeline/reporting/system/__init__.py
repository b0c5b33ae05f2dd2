"""The report of one system on one corpus: metrics, tables, statistics, robustness, curves, page."""

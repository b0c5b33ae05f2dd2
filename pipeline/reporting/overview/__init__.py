"""The page over all reports, `reports/index.html`, and the table that `make repro` prints."""

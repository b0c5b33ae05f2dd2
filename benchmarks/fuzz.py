"""Derive inputs from the demo by rules, give them to the pipeline, and say what does not hold.

    python -m benchmarks.fuzz --inputs 2000 --seed 0     a table by rule, then what broke, each with its number
    python -m benchmarks.fuzz --seed 0 --one 1234        one input again; --keep FOLDER leaves its files there

Clips are cut, damaged, posing and unusual ones; tables, settings and artifacts are edited cell by cell and byte by
byte. Asked is: no traceback, nothing printed, no hang over 10 s; a clip's failure is its own; the ledger tells the
truth about duration and streams; another clip's bytes do not move. The rules are in tests/helpers/fuzz.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from helpers.fuzz import Verdict
from helpers.fuzz.run import fuzz, table


def tell(verdicts: list[Verdict], everything: bool = False) -> None:
    """Print what does not hold, with the number that brings it back."""
    for verdict in verdicts:
        if verdict.wrong or everything:
            print(f"{verdict.number} ({verdict.rule}) {verdict.outcome}: {'; '.join(verdict.wrong) or 'all holds'}")
            print(f"    {verdict.words}"[:2000], flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--inputs", type=int, default=2000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random")
    parser.add_argument("--one", type=int, help="the number of one input")
    parser.add_argument("--keep", type=Path, help="folder for the files of the last input; deleted first")
    args = parser.parse_args()
    began = time.monotonic()
    numbers = range(args.inputs) if args.one is None else [args.one]
    found = fuzz(numbers, args.seed, args.keep, partial(tell, everything=args.one is not None))
    used = sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    broken = sum(bool(verdict.wrong) for verdict in found)
    print(
        f"\n{table(found)}\n\n{broken} of {len(found)} broken; {used:.0f} s of a core, {time.monotonic() - began:.0f} s"
    )
    sys.exit(broken > 0)

"""generate: make the demo corpus, or the material of the source tasks. Generated, not for science."""

from functools import partial
from pathlib import Path

from pipeline.engine.parallel import worker_count
from pipeline.runner.progress import progress
from pipeline.runner.stage import Context, stage
from pipeline.synthetic.corpus import DemoSettings, SourceSettings, write_demo, write_sources


@stage(reads="generate.{set}", names="set", paths="out")
def main(context: Context) -> str:
    out: Path = context.args.out
    name, workers = context.args.set, worker_count(context.runtime.workers)
    bar = partial(progress, label=f"generate {name}", unit="file")
    if name == "sources":
        write_sources(out, context.model("generate.sources", SourceSettings), workers, bar)
    else:
        write_demo(out, context.model(f"generate.{name}", DemoSettings), workers, bar)
    return f"generate: {sum(p.is_file() for p in out.rglob('*'))} files in {out}"

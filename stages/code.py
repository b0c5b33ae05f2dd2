"""code: digests of the code behind every stage and plugin; all other stages depend on theirs, and on no file of
code.
"""

from pipeline.core.files import write_json
from pipeline.engine.code_digest import all_digests
from pipeline.runner.stage import Context, stage
from pipeline.systems.plan import check_plan

READS = (
    "corpora systems train extract extract_sound extract_speech extract_face extract_crops extract_table join "
    "generate degrade crop_faces pretrain fetch_weights rank select segments_audio segments_video clip_features "
    "fuse_features"
)


@stage(reads=READS, paths="plan out")
def main(context: Context) -> str:
    args = context.args
    params = {key: context.section(key) for key in READS.split()}
    check_plan(params, args.plan)
    digests = all_digests(params)
    write_json(args.out, digests)
    return f"code: {sum(map(len, digests.values()))} digests of stages and plugins"

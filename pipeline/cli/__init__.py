"""`python -m pipeline`: commands, the doctor, the inspector. No result depends on it.

Whatever is wrong with a file, a name or a setting is a `PipelineError`, which `application` prints on one line.
"""

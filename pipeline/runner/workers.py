"""The end of a stage that was stopped: its worker processes end with it."""


def stop_workers() -> None:
    """Kill the worker processes of this one, in the middle of their clips; what they had finished is in the
    clip cache.
    """
    import psutil

    for child in psutil.Process().children(recursive=True):
        try:
            worker = "popen_loky" in " ".join(child.cmdline())  # joblib's resource tracker stays, to tidy up
        except psutil.NoSuchProcess:
            continue
        if worker:
            child.kill()

"""One file over HTTP, taken up where an earlier attempt stopped."""

from __future__ import annotations

from pathlib import Path

import requests

from pipeline.runner.progress import bar

ATTEMPTS = 5
TIMEOUT_S = (15, 60)
"""Until a connection stands, and between two pieces of data."""
_PIECE = 1 << 16


def download(url: str, part: Path, label: str) -> None:
    """Bring `part` up to the whole file; after a cut it goes on at once, as long as each attempt brought something.

    Args:
        url: of the file
        part: what came of it so far, if anything; it stays when this fails
        label: text before the progress bar on stderr

    Raises:
        requests.RequestException: no connection, an error status, or cut off too often
        OSError: `part` cannot be written
    """
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(part)
        try:
            _go_on(url, part, label)
            return
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            if attempt == ATTEMPTS or _size(part) <= before:
                raise


def why(error: requests.RequestException) -> str:
    """Return what went wrong, in a few words."""
    if error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _go_on(url: str, part: Path, label: str) -> None:
    have = _size(part)
    # a compressed answer could not be taken up in the middle
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, stream=True, timeout=TIMEOUT_S, headers=headers) as answer:
        span = answer.headers.get("Content-Range", "")
        if answer.status_code == 416 and span == f"bytes */{have}":
            return  # stopped between the last byte and the check of the hash
        foreign = have and answer.status_code in (206, 416) and not span.startswith(f"bytes {have}-")
        if not foreign:
            answer.raise_for_status()
            _receive(answer, part, label)
    if foreign:
        part.unlink()  # what lies there is no beginning of this file
        _go_on(url, part, label)


def _receive(answer: requests.Response, part: Path, label: str) -> None:
    # a server that knows no ranges sends all of it, with status 200
    with part.open("ab" if answer.status_code == 206 else "wb") as file:
        have, length = file.tell(), answer.headers.get("Content-Length", "")
        with bar(label, have + int(length) if length.isdigit() else None, "B", have) as shown:
            for piece in answer.iter_content(_PIECE):
                file.write(piece)
                shown.advance(shown.task_ids[0], len(piece))

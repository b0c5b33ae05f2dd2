"""The media files that a corpus names: what each is, and which file was meant where it is not there."""

from __future__ import annotations

import mimetypes
import os
import re
import unicodedata
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from pipeline.core.errors import ABSENT, ClipError
from pipeline.core.file_names import UNFINISHED, located, written
from pipeline.core.files import file_digest
from pipeline.core.foreign import HEAD
from pipeline.core.links import REMEDY, leads_out
from pipeline.core.paths import check_inside
from pipeline.core.spelling import plain, shown
from pipeline.media.placeholder import begins_as_media, check_media

Hashed = tuple[str, str, str]
"""SHA-256 of a file, or "", and why it has none: reason and words."""
_ANY_HZ = 16_000
_UNPACK = dict.fromkeys((".gz", ".zip", ".xz", ".bz2", ".zst", ".7z"), "unpack it")
_STUBS = {
    ".dvc": "run `dvc pull`",
    ".icloud": "download the file in iCloud first",
    ".torrent": "download what it names",
}
"""What stands beside the place of a file that is elsewhere -> what to do."""
_OLD = ("cp1252", "cp850", "gbk", "shift_jis", "cp1251")
"""How names were written before UTF-8, as archives keep them."""


class CorpusFiles:
    """The files below the root of a corpus."""

    def __init__(self, root: Path, follow_links: bool = False, parts: Iterable[str] = ()) -> None:
        self.root, self.follow_links, self._bases = root, follow_links, [root / part for part in parts]

    def fault(self, path: str) -> tuple[str, str]:
        """Return why a path of the corpus, relative to its root, gives no media: reason and words, "" where it does."""
        try:
            check_inside(path)
            file = located(self.root, path)
            base = next((base for base in self._bases if file.is_relative_to(base)), self.root)
            if not self.follow_links and leads_out(base, file):
                return "outside_link", f"{path}: {REMEDY}"
            check_media(file)
        except ClipError as error:
            near = self._unfetched(path) if error.reason == "missing_file" else ""
            near = near or (self._near(path) if error.reason in ("bad_path", "missing_file") else "")
            name = path if path.isprintable() else ascii(path)
            plainly = error.reason == "unreadable" or error.detail in ("not there", "a folder")
            words = "" if plainly else f": {error.detail}"
            return error.reason, f"{name}{words}{near}"
        return "", ""

    def hashed(self, path: str) -> Hashed:
        """Return a file's SHA-256, or "", and why it has none: reason and words."""
        fault = self.fault(path)
        try:
            return (file_digest(located(self.root, path)), "", "") if not fault[0] else ("", *fault)
        except OSError:  # a bad sector, a network folder that has gone since
            return "", "unreadable", path

    def with_content(self, hashed: Mapping[str, Hashed]) -> dict[str, Hashed]:
        """Return path -> what `hashed` gives, with the reason where files of equal bytes hold nothing that decodes: no
        recording stands on two sides then.
        """
        several: dict[str, list[str]] = defaultdict(list)
        for path, (digest, *_) in hashed.items():
            several[digest].append(path)
        found = dict(hashed)
        for digest, paths in several.items():
            reason, words = _without_content(located(self.root, paths[0])) if digest and len(paths) > 1 else ("", "")
            found |= {path: ("", reason, f"{path}: {words}, as in {len(paths) - 1} more") for path in paths if reason}
        return found

    def _unfetched(self, path: str) -> str:
        """Say that a file is still elsewhere, as a link, a pointer or a part of it in its place shows."""
        file = located(self.root, path)
        if file.is_symlink():
            target = os.readlink(file)
            annex, dvc = (
                re.search(store, target) for store in (r"[/\\]annex[/\\]objects[/\\]", r"[/\\]files[/\\]md5[/\\]")
            )
            return " of git-annex; run `git annex get`" if annex else " of DVC; run `dvc pull`" if dvc else ""
        for suffix, remedy in [
            *_STUBS.items(),
            *_UNPACK.items(),
            *((one, "its download is not finished") for one in UNFINISHED),
        ]:
            for stub in (file.with_name(file.name + suffix), file.with_name(f".{file.name}{suffix}")):
                if stub.is_file():
                    return f" (there is {shown(stub.name)}; {remedy})"
        return ""

    def _near(self, path: str) -> str:
        """Say which file was probably meant: of another spelling, in another folder, or of another kind."""
        plainly = unquote(path.replace("\\", "/")).partition("?")[0]
        parts = PurePosixPath(plainly).parts
        whole, names, stems = self._known
        tails = (whole.get(plain("/".join(parts[at:])), []) for at in range(len(parts)))
        name = plain(parts[-1]) if parts else ""
        others = (names.get(name, []), stems.get(PurePosixPath(name).stem, []))
        found = next((files[0] for files in (*tails, *others) if len(files) == 1), path)
        if found != path:
            found = written(found)
            return f" (did you mean {shown(found, path)}{_form(path, found)}?)"
        absolute = len(parts) > 1 and (parts[0] == "/" or ":" in parts[0])
        return f" (did you mean '{'/'.join(parts[-2:])}', or the like?)" if absolute else ""

    @cached_property
    def _known(self) -> tuple[dict[str, list[str]], ...]:
        """Paths, names and stems of all files, as `plain` makes them -> paths as they are; of texts no stems."""
        found = tuple(defaultdict[str, list[str]](list) for _ in range(3))
        for folder, _, files in os.walk(self.root):  # which follows no link to a folder
            for file in sorted(files):
                path = Path(folder, file).relative_to(self.root).as_posix()
                name = PurePosixPath(plain(file.replace("\\", "/"))).name
                keys = [plain(path.replace("\\", "/")), name]
                for key in _as_once_written(path):  # of a name that is no UTF-8
                    found[0][key].append(path)
                text = (mimetypes.guess_type(name)[0] or "").startswith("text/")
                for kind, key in zip(found, keys if text else [*keys, PurePosixPath(name).stem], strict=False):
                    kind[key].append(path)
        return tuple(map(dict, found))


def _without_content(file: Path) -> tuple[str, str]:
    """Return why neither audio nor video of a file can be used: reason and words, "" where one can, and where a file
    does not begin as media do: what it holds is then nobody's to say.
    """
    with file.open("rb") as data:
        if not begins_as_media(data.read(HEAD)):
            return "", ""
    from pipeline.media.decode import read_audio_blocks, read_video_frames

    found = ("", "")
    for blocks in (read_audio_blocks(file, _ANY_HZ), islice(read_video_frames(file), 1)):
        try:
            deque(blocks, maxlen=0)
        except ClipError as error:
            if not found[0] or error.reason not in ABSENT:
                found = error.reason, error.detail or f"{error.reason}, and nothing else in it"
        else:
            return "", ""
    return found


def _as_once_written(path: str) -> set[str]:
    """Return what a path whose bytes are no UTF-8 may have been, as `plain` makes it."""
    raw, found = os.fsencode(path), set[str]()
    if raw.isascii() or path.isprintable():
        return found
    for encoding in _OLD:
        with suppress(UnicodeError):
            found.add(plain(raw.decode(encoding)))
    return found


def _form(path: str, found: str) -> str:
    """Say how the letters of a file differ from those of a path that looks the same."""
    if unicodedata.normalize("NFC", path) != unicodedata.normalize("NFC", found):
        return ""
    form = "NFC" if unicodedata.is_normalized("NFC", found) else "NFD"
    return f", the same letters in the form {form} of Unicode"

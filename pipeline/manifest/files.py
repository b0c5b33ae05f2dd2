"""The media files that a corpus names: what each is, and which file was meant where it is not there."""

from __future__ import annotations

import mimetypes
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from pipeline.core.errors import ClipError
from pipeline.core.file_names import located
from pipeline.core.files import file_digest
from pipeline.core.links import REMEDY, leads_out
from pipeline.core.paths import check_inside
from pipeline.core.spelling import plain, shown
from pipeline.media.placeholder import check_media


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
            near = self._near(path) if error.reason in ("bad_path", "missing_file") else ""
            name = path if path.isprintable() else ascii(path)
            plainly = error.reason == "unreadable" or error.detail in ("not there", "a folder")
            words = "" if plainly else f": {error.detail}"
            return error.reason, f"{name}{words}{near}"
        return "", ""

    def hashed(self, path: str) -> tuple[str, str, str]:
        """Return a file's SHA-256, or "", and why it has none: reason and words."""
        fault = self.fault(path)
        try:
            return (file_digest(located(self.root, path)), "", "") if not fault[0] else ("", *fault)
        except OSError:  # a bad sector, a network folder that has gone since
            return "", "unreadable", path

    def _near(self, path: str) -> str:
        """Say which file was probably meant: of another spelling, in another folder, or of another kind."""
        parts = PurePosixPath(path.replace("\\", "/")).parts
        whole, names, stems = self._known
        tails = (whole.get(plain("/".join(parts[at:])), []) for at in range(len(parts)))
        name = plain(parts[-1]) if parts else ""
        others = (names.get(name, []), stems.get(PurePosixPath(name).stem, []))
        found = next((files[0] for files in (*tails, *others) if len(files) == 1), path)
        if found != path:
            return f" (did you mean {shown(found, path)}{_form(path, found)}?)"
        absolute = parts and (parts[0] == "/" or ":" in parts[0])
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
                text = (mimetypes.guess_type(name)[0] or "").startswith("text/")
                for kind, key in zip(found, keys if text else [*keys, PurePosixPath(name).stem], strict=False):
                    kind[key].append(path)
        return tuple(map(dict, found))


def _form(path: str, found: str) -> str:
    """Say how the letters of a file differ from those of a path that looks the same."""
    if unicodedata.normalize("NFC", path) != unicodedata.normalize("NFC", found):
        return ""
    form = "NFC" if unicodedata.is_normalized("NFC", found) else "NFD"
    return f", the same letters in the form {form} of Unicode"

"""What was computed for one clip, kept by content outside DVC's outputs.

An entry is named by the SHA-256 of (input digest, code version, settings, weights digest), written to a temporary
file and moved into place, and carries its own digest: a killed run resumes, one new clip costs one extraction, and
a damaged entry is computed again. The folder may be deleted at any time.

    <root>/ab/cdef...   HDF5 with the group `clip`, as a feature file has it (empty, where the clip failed), then
                        the head as JSON, SHA-256 of all before, CRC-32 of the head, its length, "CLP5"
    <root>/packs/<SHA-256>.h5   a second name of a stage's feature file; the entries of its clips have a head alone,
                        which refers to it (`ClipCache.adopt`)
    <root>/journal      what each stage did with each clip the last time (pipeline.engine.journal)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py

from pipeline.core.arrays import stored_rows
from pipeline.core.errors import ClipError
from pipeline.core.files import atomic_path, digest_of
from pipeline.core.hdf5_reading import opened_hdf5
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import new_hdf5, write_clip
from pipeline.engine.cache_entry import Head, is_sound, seal
from pipeline.engine.cache_folder import CacheFolder, where_writable


def cache_key(**parts: Any) -> str:
    """Return the entry's name: 64 hexadecimal digits over the canonical JSON of `parts`."""
    return digest_of(parts)


class ClipCache(CacheFolder):
    """A folder of entries, as stages use it."""

    def head(self, key: str) -> Head | None:
        """Return what an entry says of itself, or None where there is none; its arrays are not looked at."""
        path = self.path(key)
        head = self.peek(path)
        if head is not None:
            with suppress(FileNotFoundError), where_writable():
                os.utime(path)  # the time of last use, by which `prune` chooses
        return head

    def sound(self, key: str) -> bool:
        """Return whether an entry is kept, its digest holds and its head can be read; a damaged one is deleted."""
        path = self.path(key)
        head = self.peek(path)
        sound = head is not None and is_sound(path) and (not head.pack or self.packs.sound(head.pack, head.clip))
        if not sound:
            path.unlink(missing_ok=True)
        return sound

    @contextmanager
    def group(self, key: str) -> Iterator[h5py.Group]:
        """Give the group of an entry that is `sound`, empty where the clip failed."""
        file, name = self._opened(self.path(key))
        with file:
            yield file[name]

    def _opened(self, path: Path) -> tuple[h5py.File, str]:
        """Open the file with an entry's arrays, and name their group in it.

        Another run may move them to its pack, or from a pack that goes, between the look at the head and the opening:
        then the head is another one, and is looked at again.
        """
        head = self.peek(path)
        while True:
            place = (self.packs.path(head.pack), head.clip) if head is not None and head.pack else (path, "clip")
            try:
                return h5py.File(place[0], "r"), place[1]
            except OSError as error:
                before, head = head, self.peek(path)
                if head == before:
                    if isinstance(error, FileNotFoundError):
                        raise
                    return opened_hdf5(place[0]), place[1]  # with the reason, should it be so again

    def put(
        self,
        key: str,
        blocks: Iterable[ClipFeatures],
        notes: list[str],
        stage: str = "",
        meta: FeatureMeta | None = None,
    ) -> Head:
        """Keep what is computed while it is computed, block by block, or the `ClipError` that ends it.

        Args:
            key: the entry's name
            blocks: consecutive rows of the clip
            notes: reasons why the result is degraded; read when the blocks are through
            stage: which stage it is
            meta: what the values have to be like, or `ValueError`
        """
        with atomic_path(self.path(key)) as temporary:
            try:
                with new_hdf5(temporary) as file:
                    write_clip(file.create_group("clip"), blocks, meta)
                head = Head(notes=tuple(notes), stage=stage)
            except ClipError as error:
                with new_hdf5(temporary) as file:
                    file.create_group("clip")
                head = Head(error.reason, error.detail, stage=stage)
            seal(temporary, head)
        return head

    def get(self, key: str) -> tuple[ClipFeatures | ClipError, list[str]] | None:
        """Return (arrays or the clip's error, notes), or None where nothing sound is kept."""
        if not self.sound(key) or (head := self.head(key)) is None:
            return None
        if head.error is not None:
            return head.error, []
        with self.group(key) as group:
            arrays = {name: stored_rows(group[name]) for name in group}
        values, times, mask = (arrays.pop(name) for name in ("values", "times", "mask"))
        return ClipFeatures(values, times, mask, arrays), list(head.notes)

    def adopt(self, out: Path, clips: Mapping[str, str], before: Iterable[str]) -> None:
        """Let a stage's feature file, by a second name, stand for the arrays of the entries that it was packed from.

        So values lie on the disk once more often than the file and its copies, and where DVC links files, not more
        often. Where the file system links nothing, entries stay as they are.

        Args:
            out: the feature file
            clips: key of an entry -> its clip in the file
            before: keys of the stage's last run; where they refer to the file of that run, which goes now, and have no
                place in this one, their arrays become entries again
        """
        with where_writable():
            self._adopt(out, clips, list(before))

    def _adopt(self, out: Path, clips: Mapping[str, str], before: Sequence[str]) -> None:
        heads = {key: head for key in {*before, *clips} if (head := self.peek(self.path(key))) is not None}
        if not clips or not (pack := self.packs.add(out)):
            return
        for key, clip_id in clips.items():
            if key in heads and heads[key].pack != pack:
                self._write(key, replace(heads[key], pack=pack, clip=clip_id))
        # those of another run, such as a prediction of some of the same clips, stay: others may have their arrays there
        for old in {heads[key].pack for key in before if key in heads} - {"", pack}:
            for key, head in heads.items():
                if head.pack == old and key not in clips and self.sound(key):
                    with self.group(key) as group:
                        self._write(key, replace(head, pack="", clip=""), group)
            self.packs.path(old).unlink(missing_ok=True)

    def _write(self, key: str, head: Head, group: h5py.Group | None = None) -> None:
        """Write an entry anew, as used when the one before was; without a group, its head alone."""
        path = self.path(key)
        used = path.stat().st_mtime_ns
        with atomic_path(path) as temporary:
            temporary.touch()
            if group is not None:
                with new_hdf5(temporary) as file:
                    file.copy(group, file, name="clip")
            seal(temporary, head)
            os.utime(temporary, ns=(used, used))

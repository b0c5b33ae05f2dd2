"""The ledger: every clip with its fate, and a stop when too many fail."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import REASONS, ArtifactError, ClipError, TooManyFailures
from pipeline.core.ledger import Entry, check_failures, read_ledger, summary, write_ledger

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=8)
ENTRIES = st.lists(
    st.builds(Entry, TEXT, TEXT, st.just("ok"), st.just(""), TEXT)
    | st.builds(Entry, TEXT, TEXT, st.sampled_from(["degraded", "failed"]), st.sampled_from(REASONS), TEXT),
    max_size=6,
)
OK, FAILED = Entry("a", "prepare"), Entry("b", "extract:x", "failed", "no_audio", "no stream")


@settings(max_examples=60)
@given(ENTRIES)
def test_round_trip_sorted_and_without_repetition(entries: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.csv"), Path(folder, "b.csv")
        write_ledger(first, entries)
        write_ledger(second, [*reversed(entries), *entries])
        assert read_ledger(first) == sorted(set(entries))
        assert first.read_bytes() == second.read_bytes()


def test_the_file_is_plain_csv(tmp_path: Path) -> None:
    write_ledger(tmp_path / "x" / "l.csv", [FAILED, OK, OK])
    assert (tmp_path / "x" / "l.csv").read_text() == (
        "clip_id,stage,status,reason,detail\na,prepare,ok,,\nb,extract:x,failed,no_audio,no stream\n"
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [("ok", "no_face"), ("failed", ""), ("degraded", ""), ("fine", ""), ("failed", "bad luck"), ("", "")],
)
def test_an_entry_that_contradicts_itself(status: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"unknown ledger|a clip is ok or has a reason"):
        Entry("a", "prepare", status, reason)


@pytest.mark.parametrize(
    "content",
    [
        b"clip_id,speaker\na,s1\n",
        b"clip_id,stage,status,reason,detail\na,prepare,fine,,\n",
        b"clip_id,stage,status,reason,detail\na,prepare,failed,bad luck,\n",
        b"clip_id,stage,status,reason,detail\na,prepare\n",
        b"clip_id,stage,status,reason,detail\na,prepare,ok,,,more\n",
        b"clip_id,stage,status,reason,detail\n\xff,prepare,ok,,\n",
    ],
)
def test_what_is_no_ledger_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"not a ledger .* run `dvc repro -f`") as caught:
        read_ledger(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_an_absent_ledger(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"l.csv: no such ledger; run `dvc repro`"):
        read_ledger(tmp_path / "l.csv")


def entries(ok: int = 0, **bad: int) -> list[Entry]:
    """Entries by status: `failed_no_face=2` gives two that failed for want of a face."""
    found = [Entry(f"ok{i}", "s") for i in range(ok)]
    for name, count in bad.items():
        status, _, reason = name.partition("_")
        found += [Entry(f"{name}{i}", "s", status, reason) for i in range(count)]
    return found


@pytest.mark.parametrize(
    ("given_entries", "text"),
    [
        ([], "no clips"),
        (entries(ok=2), "2 ok"),
        (
            entries(ok=110, degraded_few_faces=1, failed_no_audio=1),
            "110 ok, 1 degraded (few_faces), 1 failed (no_audio)",
        ),
        (entries(failed_no_audio=2, failed_silent=1), "3 failed (no_audio 2, silent)"),
    ],
)
def test_summary(given_entries: list[Entry], text: str) -> None:
    assert summary(iter(given_entries)) == text


@pytest.mark.parametrize(
    ("given_entries", "allowed", "stops"),
    [
        ([], 0.0, False),
        (entries(ok=5), 0.0, False),
        (entries(ok=4, failed_no_face=1), 0.2, False),
        (entries(ok=3, failed_no_face=1), 0.2, True),
        (entries(ok=99, failed_no_face=1), 0.0, True),
        (entries(degraded_few_faces=5), 0.0, False),
        (entries(failed_no_face=5), 1.0, False),
    ],
)
def test_a_stage_stops_above_the_share_that_is_allowed(given_entries: list[Entry], allowed: float, stops: bool) -> None:
    try:
        check_failures(given_entries, allowed, Path("reports/ledger.csv"))
    except TooManyFailures:
        assert stops
    else:
        assert not stops


def test_the_stop_says_where_what_and_how_to_go_on() -> None:
    with pytest.raises(TooManyFailures) as caught:
        check_failures(iter(entries(ok=1, failed_no_face=2)), 0.2, Path("l.csv"))
    assert str(caught.value) == (
        "l.csv: 2 of 3 clips failed (1 ok, 2 failed (no_face 2)), more than runtime.max_failed_fraction=0.2; "
        "mend the clips, or raise the setting"
    )


def test_the_stop_names_a_clip_and_what_is_wrong_with_it() -> None:
    lost = [Entry(f"c{i}", "prepare", "failed", "not_media", f"{i}.flv: a Git LFS pointer") for i in range(2)]
    with pytest.raises(
        TooManyFailures, match=r"\(2 failed \(not_media 2\), such as 'c0': 0\.flv: a Git LFS pointer\), "
    ):
        check_failures(lost, 0.2, Path("l.csv"))


@pytest.mark.parametrize(("reason", "detail", "text"), [("no_face", "", "no_face"), ("silent", "0 dB", "silent: 0 dB")])
def test_a_clip_error_survives_the_way_between_processes(reason: str, detail: str, text: str) -> None:
    error = pickle.loads(pickle.dumps(ClipError(reason, detail)))
    assert (error.reason, error.detail, str(error)) == (reason, detail, text)


def test_a_clip_error_has_a_reason_from_the_list() -> None:
    with pytest.raises(ValueError, match="unknown ledger reason 'bad luck'; known: missing_file, "):
        ClipError("bad luck")

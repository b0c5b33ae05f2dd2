"""`pipeline.weights.fetch` against a server on this machine: the right file, or one line that says why not."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.weights import CONTENT, entry, sha256
from pipeline.core.errors import WeightsError
from pipeline.networks import torchvision_ops
from pipeline.weights import fetch as module
from pipeline.weights.fetch import cached_path, fetch

HASH = sha256(CONTENT)
HALF = len(CONTENT) // 2
IMPORT = "python -m pipeline weights import net"


@pytest.fixture
def net(server, tmp_path):
    return entry(tmp_path, "url", url=f"{server.url}/net.pth", sha256=HASH)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def part(cache):
    """Path of what an earlier run left behind."""
    path = cache / "net" / "net.pth.part"
    path.parent.mkdir(parents=True)
    return path


def refused(net, cache) -> str:
    with pytest.raises(WeightsError) as caught:
        fetch(net, cache)
    message = str(caught.value)
    assert "\n" not in message
    assert "net" in message
    return message


def left(cache) -> list[str]:
    """Names in the entry's folder, apart from the lock."""
    return sorted(path.name for path in (cache / "net").iterdir() if path.name != ".lock")


def test_downloaded_once(net, cache, server):
    path = fetch(net, cache)
    assert path == cache / "net" / "net.pth"
    assert path.read_bytes() == CONTENT
    assert fetch(net, cache) == path
    assert server.seen == [None]
    assert left(cache) == ["net.pth"]


def test_a_prefix_is_enough(server, cache, tmp_path):
    net = entry(tmp_path, "url", url=f"{server.url}/net.pth", sha256_prefix=HASH[:8])
    assert fetch(net, cache).read_bytes() == CONTENT


def test_taken_up_where_it_stopped(net, cache, part, server):
    part.write_bytes(CONTENT[:HALF])
    assert fetch(net, cache).read_bytes() == CONTENT
    assert server.seen == [f"bytes={HALF}-"]
    assert left(cache) == ["net.pth"]


def test_a_server_that_ignores_ranges(net, cache, part, server):
    server.ranges = False
    part.write_bytes(CONTENT[:HALF])
    assert fetch(net, cache).read_bytes() == CONTENT
    assert server.seen == [f"bytes={HALF}-"]


def test_stopped_just_before_the_end(net, cache, part, server):
    part.write_bytes(CONTENT)
    assert fetch(net, cache).read_bytes() == CONTENT
    assert server.seen == [f"bytes={len(CONTENT)}-"]


def test_more_left_behind_than_the_file_has(net, cache, part, server):
    part.write_bytes(CONTENT + b"more")
    assert fetch(net, cache).read_bytes() == CONTENT
    assert server.seen == [f"bytes={len(CONTENT) + 4}-", None]


def test_left_behind_from_another_file(net, cache, part):
    part.write_bytes(b"x" * HALF)
    assert "refused, SHA-256" in refused(net, cache)
    (kept,) = left(cache)
    assert re.fullmatch(r"net\.pth\.refused-[0-9a-f]{12}", kept)
    assert fetch(net, cache).read_bytes() == CONTENT


def test_a_cut_connection_is_taken_up_at_once(net, cache, server):
    server.cuts = [200_000, 150_000]
    assert fetch(net, cache).read_bytes() == CONTENT
    assert len(server.seen) == 3
    assert server.seen[0] is None
    assert all(asked for asked in server.seen[1:])


def test_a_connection_that_brings_nothing_is_given_up_but_not_what_came_before(net, cache, server):
    server.cuts = [300_000, 0]
    message = refused(net, cache)
    assert "what came so far is kept" in message
    assert left(cache) == ["net.pth.part"]
    assert fetch(net, cache).read_bytes() == CONTENT
    assert server.seen[-1] is not None


def test_cut_too_often(net, cache, server):
    server.cuts = [70_000] * module.ATTEMPTS
    refused(net, cache)
    assert len(server.seen) == module.ATTEMPTS


def test_wrong_hash(server, cache, tmp_path):
    net = entry(tmp_path, "url", url=f"{server.url}/net.pth", sha256="0" * 64)
    message = refused(net, cache)
    assert HASH[:12] in message
    assert "000000000000" in message
    kept = cache / "net" / f"net.pth.refused-{HASH[:12]}"
    assert message.endswith(f"what came is kept; if it is right, mend weights.lock and run `{IMPORT} {kept}`")
    assert kept.read_bytes() == CONTENT
    refused(net, cache)
    assert left(cache) == [kept.name], "equal bytes are kept once"


def test_not_there(server, cache, tmp_path):
    net = entry(tmp_path, "url", url=f"{server.url}/other.pth", sha256=HASH)
    message = refused(net, cache)
    assert "404 Not Found" in message
    assert f"{server.url}/other.pth" in message
    assert "weights import net FILE" in message
    assert left(cache) == []


def test_nobody_listens(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    net = entry(tmp_path, "url", url="http://127.0.0.1:1/net.pth", sha256=HASH)
    assert "(no connection); try again, or download it by hand and run" in refused(net, cache)


def test_no_answer_in_time(server, net, cache, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", (5, 0.1))
    server.delay_s = 0.5
    assert "no answer in time" in refused(net, cache)


def test_the_cache_is_hashed_at_every_use(net, cache):
    path = fetch(net, cache)
    path.write_bytes(CONTENT[:-1] + b"?")
    message = refused(net, cache)
    assert str(path) in message
    assert "move it away and run `python -m pipeline weights fetch net`" in message
    path.unlink()
    assert fetch(net, cache).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(net, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert "runtime.weights_cache" in refused(net, tmp_path / "cache")


def test_many_at_once_download_once(net, cache, server):
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: fetch(net, cache), range(4)))
    assert paths == {cache / "net" / "net.pth"}
    assert server.seen == [None]


@pytest.mark.parametrize(("pinned", "words"), [(None, "its first import will pin"), (HASH, HASH)])
def test_a_file_of_the_users_own(cache, tmp_path, pinned, words):
    net = entry(tmp_path, "file", file="net.pth", sha256=pinned)
    message = refused(net, cache)
    assert words in message
    assert "net.pth" in message
    assert "python -m pipeline weights import net FILE" in message


def test_an_imported_file(cache, tmp_path):
    net = entry(tmp_path, "file", file="net.pth", sha256=HASH)
    path = cached_path(net, cache)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch(net, cache) == path
    assert "weights import net FILE" in refused(entry(tmp_path, "file", file="net.pth"), cache)
    path.write_bytes(CONTENT + b"x")
    assert "move it away and run `python -m pipeline weights import net FILE`" in refused(net, cache)


def test_what_is_trained_here_is_not_fetched(cache, tmp_path):
    net = entry(tmp_path, "trained", stage="pretrain@a60")
    assert "dvc repro pretrain@a60" in refused(net, cache)


@pytest.fixture
def alexnet(server, monkeypatch):
    """torchvision's entry for AlexNet, led to the server."""
    weights = torchvision_ops.models().AlexNet_Weights.IMAGENET1K_V1.value
    server.content[f"/alexnet-{HASH[:8]}.pth"] = CONTENT
    monkeypatch.setattr(weights, "url", f"{server.url}/alexnet-{HASH[:8]}.pth")


def test_torchvision_knows_the_address(alexnet, cache, tmp_path):
    net = entry(tmp_path, "torchvision", enum="AlexNet_Weights.IMAGENET1K_V1", sha256_prefix=HASH[:8])
    path = fetch(net, cache)
    assert path.name == "AlexNet_Weights.IMAGENET1K_V1.pth"
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("enum", "words"),
    [
        ("AlexNet_Weights.IMAGENET1K_V1", f"torchvision has {HASH[:8]}"),
        ("AlexNet_Weights.IMAGENET1K_V9", "no AlexNet_Weights.IMAGENET1K_V9"),
        ("NoNet_Weights.DEFAULT", "no NoNet_Weights.DEFAULT"),
    ],
)
def test_torchvision_has_something_else(alexnet, cache, tmp_path, enum, words):
    assert words in refused(entry(tmp_path, "torchvision", enum=enum, sha256_prefix="01234567"), cache)

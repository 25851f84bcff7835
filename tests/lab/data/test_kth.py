"""KTH: the real videos that are there, and archives made from them, without a network."""

import hashlib
import os
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flowlib.lab.data import files
from flowlib.lab.data import kth as module
from flowlib.lab.data.files import DataUnavailableError
from flowlib.lab.data.kth import ANNOTATION, NAMES, SUBSET, kth, parse_annotation, split
from flowlib.lab.data.videos import decode

REAL = Path(os.environ.get("FLOWLIB_DATA", "nowhere")) / "kth"
needs_kth = pytest.mark.skipif(
    not (REAL / ANNOTATION).exists(), reason="FLOWLIB_DATA names no folder with KTH"
)
VIDEO = "person01_running_d1_uncomp.avi"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty data folder and an empty cache."""
    monkeypatch.setenv("FLOWLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FLOWLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FLOWLIB_OFFLINE", "1")
    (tmp_path / "data" / "kth").mkdir(parents=True)
    return tmp_path / "data" / "kth"


def test_annotation_with_all_that_varies():
    text = (
        "Training:   person11, 12\r\n\r\nperson01_boxing_d1\t\tframes\t1-95, 96-185\r\n"
        "person02_running_d3   frames  10 - 20,30-40 \n person13_handclapping_d3\t*missing*\n"
    )
    assert parse_annotation(text) == {
        "person01_boxing_d1": [(0, 95), (95, 185)],
        "person02_running_d3": [(9, 20), (29, 40)],
    }
    for line in ("person01_boxing_d1 frames", "person01_boxing_d1 frames 9-3"):
        with pytest.raises(ValueError, match="line 1 of the annotation .* wants ranges of frames"):
            parse_annotation(line)


@needs_kth
def test_the_real_annotation():
    listed = parse_annotation((REAL / ANNOTATION).read_text())
    assert len(listed) == module.VIDEOS and sum(map(len, listed.values())) == 2391
    assert "person13_handclapping_d3" not in listed


def test_splits_share_no_person():
    for name, counts in (("paper", (16, 4, 5)), ("2004", (8, 8, 9))):
        parts = split(name)
        assert tuple(map(len, parts)) == counts
        assert sorted(sum(parts, [])) == [f"person{n:02d}" for n in range(1, 26)]
    with pytest.raises(ValueError, match="'2005': it wants one of paper, 2004"):
        split("2005")


@needs_kth
def test_real_videos_from_file_to_array(folder, monkeypatch):
    """Decoded, cut into the annotated sequences, kept: the second start decodes nothing."""
    (folder / ANNOTATION).write_bytes((REAL / ANNOTATION).read_bytes())
    (folder / VIDEO).write_bytes((REAL / VIDEO).read_bytes())
    archive = folder / "walking.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(REAL / "person01_walking_d1_uncomp.avi", "person01_walking_d1_uncomp.avi")
        file.writestr("../../person02_walking_d1_uncomp.avi", b"no video")
        file.writestr("../../evil.txt", b"no video either")
    before = {p for p in folder.parent.parent.rglob("*") if "cache" not in p.parts}
    with pytest.warns(UserWarning, match="KTH subset: 1 video that cannot be read, left out"):
        actions = kth(size=16)
    assert {p for p in folder.parent.parent.rglob("*") if "cache" not in p.parts} == before
    assert actions.source == SUBSET and actions.names == NAMES
    assert actions.frames.shape == (335 + 555, 16, 16)
    ranges = [(s.video, s.start, s.stop) for s in actions.sequences]
    assert ranges[:2] == [("person01_running_d1", 0, 35), ("person01_running_d1", 94, 130)]
    assert ranges[-1] == ("person01_walking_d1", 335 + 479, 335 + 555)
    assert {s.action for s in actions.sequences} == {"running", "walking"}
    assert actions.frames.float().std() > 5, "something is seen"

    monkeypatch.setattr(module, "decode", lambda file: pytest.fail("decoded again"))
    with pytest.warns(UserWarning):
        again = kth(size=16)
    assert again.sequences == actions.sequences and again.frames.equal(actions.frames)


@needs_kth
def test_a_range_past_the_end_is_cut(folder):
    text = "person01_running_d1 frames 1-35, 300-400, 500-600\n"
    (folder / ANNOTATION).write_text(text)
    (folder / VIDEO).write_bytes((REAL / VIDEO).read_bytes())
    with pytest.warns(UserWarning, match="2 sequence that runs past the end of its video, cut"):
        actions = kth(size=8)
    assert [(s.start, s.stop) for s in actions.sequences] == [(0, 35), (299, 335)]


def test_what_is_missing_or_damaged_is_said(folder):
    with pytest.raises(DataUnavailableError, match=r"no KTH in .*data --get kth"):
        kth()
    with pytest.raises(DataUnavailableError, match="FLOWLIB_OFFLINE is set"):
        kth(download=True)
    (folder / ANNOTATION).write_text("person01_boxing_d1 frames 1-9\n")
    (folder / "boxing.zip").write_bytes(b"PK half of it")
    with pytest.raises(ValueError, match="boxing.zip is damaged .* delete it to download it again"):
        kth()
    with pytest.raises(ValueError, match="00sequences.txt is damaged or another file"):
        kth(download=True)
    (folder / "boxing.zip").unlink()
    (folder / "person01_boxing_d1_uncomp.avi").write_bytes(b"no video")
    with (
        pytest.warns(UserWarning, match="1 video that cannot be read"),
        pytest.raises(ValueError, match="no video of KTH subset could be read"),
    ):
        kth()
    with pytest.raises(ValueError, match="cannot be decoded as a video"):
        decode(folder / "person01_boxing_d1_uncomp.avi")


def test_checksums_of_both_kinds(folder):
    path = folder / "file"
    path.write_bytes(b"abc")
    files.check(path, "sha1:a9993e364706816aba3e25717850c26c9cd0d89d")
    with pytest.raises(ValueError, match="its SHA-1 is a9993e"):
        files.check(path, "sha1:00")


def test_a_download_that_broke_off_is_resumed(folder, monkeypatch):
    """The first answer stops in the middle; what came is kept, and the second asks for the rest."""
    content, asked = bytes(range(256)) * 4000, []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            asked.append(self.headers.get("Range"))
            start = int(asked[-1][6:-1]) if asked[-1] else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:] if start else content[:600_000])

        def log_message(self, *_):
            pass

    monkeypatch.delenv("FLOWLIB_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(files, "_mirrors", {})
    known = {"big.zip": "sha1:" + hashlib.sha1(content).hexdigest()}
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror = f"http://127.0.0.1:{server.server_port}/"
        with pytest.raises(DataUnavailableError, match="broke off"):
            files.fetch(folder, known, [mirror], resume=True)
        had = (folder / "big.zip.part").stat().st_size
        assert 0 < had <= 600_000 and not (folder / "big.zip").exists()
        path = files.fetch(folder, known, [mirror], resume=True)["big.zip"]
        server.shutdown()
    assert asked == [None, f"bytes={had}-"] and path.read_bytes() == content
    assert [p.name for p in folder.iterdir()] == ["big.zip"], "nothing else is left behind"

"""MNIST, its download (from a server inside the test: real pooch, no network) and its stand-in."""

import gzip
import hashlib
import os
import sys
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import requests
import torch

from flowlib.lab.data import files
from flowlib.lab.data import mnist as module
from flowlib.lab.data.files import DataUnavailableError, check, data_folder
from flowlib.lab.data.mnist import FILES, MNIST, SKLEARN_DIGITS, mnist, mnist_status, read_idx

REAL = os.environ.get("FLOWLIB_DATA")
needs_mnist = pytest.mark.skipif(
    not REAL or not all((Path(REAL) / "mnist" / name).exists() for name in FILES),
    reason="FLOWLIB_DATA names no folder with MNIST",
)
NOWHERE = "http://127.0.0.1:1/"  # nobody listens on port 1


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def small(monkeypatch):
    """Stands for MNIST: four small files of the same form, name -> content."""
    rng = np.random.default_rng(0)
    arrays = []
    for count in (8, 4):
        arrays += [rng.integers(0, 256, (count, 28, 28)), rng.integers(0, 10, count)]
    contents = {name: gzip.compress(idx(a)) for name, a in zip(FILES, arrays, strict=True)}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(module, "FILES", sums)
    return contents


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty data folder, a process that has tried nothing yet, and no way to the network."""
    monkeypatch.setenv("FLOWLIB_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("FLOWLIB_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "MIRRORS", (NOWHERE,))
    monkeypatch.setattr(module, "_noticed", False)
    monkeypatch.setattr(files, "_mirrors", {})
    return tmp_path / "data" / "mnist"


@pytest.fixture
def server(small):
    """A mirror for each way to behave: `server(way)` its address, `server.log` what was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            way, name = self.path.strip("/").split("/")
            address.log.append((self.command, way, name))
            content = small[name]
            sent = content[: len(content) // 2] if way in ("half", "broken") else content
            sent = b"<html>Please log in</html>" if way == "login" else sent
            if way == "drops" and self.command == "GET":
                return
            self.send_response(404 if way == "missing" else 200)
            self.send_header("Content-Length", str(len(content if way == "broken" else sent)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(sent)

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def address(way):
        return f"http://127.0.0.1:{httpd.server_port}/{way}/"

    address.log = []
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield address
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def put(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


# --- the data ---------------------------------------------------------------------------------


@needs_mnist
def test_the_real_files(monkeypatch):
    monkeypatch.setenv("FLOWLIB_DATA", REAL)
    train, test = mnist("train", size=7), mnist("test")
    assert (len(train), len(test)) == (60000, 10000)
    assert train.source == test.source == MNIST
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert train.images.mean() == pytest.approx(0.1307, abs=1e-4)  # the known mean of MNIST
    assert test.images.min() == 0 and test.images.max() == 1
    assert "4 of 4" in mnist_status() and "checksums right" in mnist_status()


@pytest.mark.parametrize("size", [28, 14, 7, 4])
def test_sizes_are_block_means_of_the_pixels(folder, small, size):
    put(folder, small)
    digits = mnist("train", size)
    pixels = read_idx(folder / "train-images-idx3-ubyte.gz") / 255
    k = 28 // size
    means = pixels.reshape(8, size, k, size, k).mean((2, 4))
    assert digits.images.shape == (8, 1, size, size) and digits.images.dtype == torch.float32
    np.testing.assert_allclose(digits.images[:, 0], means, atol=1e-6)
    assert digits.labels.tolist() == read_idx(folder / "train-labels-idx1-ubyte.gz").tolist()


def test_pieces_limit_and_repetition(folder, small, monkeypatch):
    put(folder, small)
    whole, few = mnist("test", 9), mnist("test", 9, limit=3)
    assert whole.images.shape == (4, 1, 9, 9) and few.images.shape == (3, 1, 9, 9) and len(few) == 3
    assert torch.equal(few.images, whole.images[:3]) and torch.equal(few.labels, whole.labels[:3])
    assert torch.equal(mnist("test", 9).images, whole.images)
    assert len(mnist("test", limit=100)) == 4
    # Many pictures go in pieces of 4096; a picture does not depend on its piece.
    many = np.random.default_rng(1).integers(0, 256, (4100, 28, 28))
    pieces = module._pictures(many, 255, 7)
    assert torch.equal(pieces[4090:], module._pictures(many[4090:], 255, 7))


@pytest.mark.parametrize(
    "argument, text",
    [
        ({"split": "validation"}, "'validation'.*'train' or 'test'"),
        ({"size": 3}, "size is 3.*4 to 28"),
        ({"size": 29}, "size is 29.*4 to 28"),
        ({"source": "mnist"}, "source is 'mnist'.*'MNIST'.*'scikit-learn digits'"),
        ({"limit": 0}, "limit is 0.*1 or more"),
    ],
)
def test_bad_arguments(argument, text, as_users_see_it):
    with pytest.raises(ValueError, match=text):
        mnist(**argument)


# --- the files --------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [None, MNIST])
@pytest.mark.parametrize("present", [True, False], ids=["all there", "one missing"])
def test_a_damaged_file_is_named_and_kept(folder, small, server, monkeypatch, source, present):
    monkeypatch.setattr(module, "MIRRORS", (server("good"),))
    name = "t10k-labels-idx1-ubyte.gz"
    half = small[name][:20]
    put(folder, {**small, name: half})
    if not present:
        (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(ValueError) as error:
        mnist("train", source=source)
    for part in (str(folder / name), hashlib.sha256(half).hexdigest(), module.FILES[name]):
        assert part in str(error.value)
    assert "Delete it" in str(error.value) and "FLOWLIB_DATA" in str(error.value)
    assert (folder / name).read_bytes() == half and not server.log
    assert f"damaged: {name}" in mnist_status()


def bad_idx():
    good = idx(np.ones((2, 3, 3)))
    return {
        "not gzip": (good, "not gzip"),
        "empty": (b"", "begins with bytes"),
        "truncated gzip": (gzip.compress(good)[:-9], "cut off or not gzip"),
        "damaged gzip": (gzip.compress(good)[:10] + b"\xff" * 40, "cut off or not gzip"),
        "wrong magic": (gzip.compress(b"\x01" + good[1:]), "not IDX"),
        "floats": (gzip.compress(b"\0\0\x0d" + good[3:]), "not IDX"),
        "no dimensions": (gzip.compress(b"\0\0\x08\0"), "not IDX"),
        "half a header": (gzip.compress(good[:9]), "its header alone has 16"),
        "entry missing": (gzip.compress(good[:-1]), "17 bytes.* wants 18"),
        "entry too many": (gzip.compress(good + b"\0"), "19 bytes.* wants 18"),
    }


@pytest.mark.parametrize("case", bad_idx())
def test_malformed_idx(tmp_path, case):
    content, text = bad_idx()[case]
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text) as error:
        read_idx(path)
    assert str(path) in str(error.value)


def test_read_idx_inverts_idx(tmp_path):
    array = np.arange(24).reshape(2, 3, 4)
    (tmp_path / "file.gz").write_bytes(gzip.compress(idx(array)))
    np.testing.assert_array_equal(read_idx(tmp_path / "file.gz"), array)


def test_folder(monkeypatch, tmp_path):
    assert data_folder() == tmp_path / "data"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FLOWLIB_DATA", "~/mine")
    assert data_folder() == tmp_path / "mine"
    monkeypatch.setenv("FLOWLIB_DATA", "")
    assert data_folder().name == "flowlib" and data_folder() != Path("flowlib")
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "absent", "0" * 64)


# --- the download -----------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["good", "half", "broken", "login", "missing", "drops"])
def test_download(folder, small, server, monkeypatch, first):
    monkeypatch.setattr(module, "MIRRORS", (server(first), server("good")))
    assert "0 of 4" in mnist_status() and server(first) in mnist_status()
    assert len(mnist("train", 7)) == 8
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == small
    asked = len(server.log)
    assert len(mnist("test", 7)) == 4 and len(server.log) == asked  # not downloaded again
    # One that cannot be reached is not asked for the other files.
    tries = [ask for ask in server.log if ask[:2] == ("GET", first)]
    assert len(tries) == (1 if first == "drops" else 4)


@pytest.mark.parametrize(
    "way, text",
    [
        ("half", "wrong checksum"),
        ("broken", "broke off|wrong checksum"),
        ("login", "wrong checksum"),
        ("missing", "answers 404"),
        ("drops", "cannot be reached"),
    ],
)
def test_a_failed_download_leaves_nothing(folder, server, monkeypatch, way, text):
    monkeypatch.setattr(module, "MIRRORS", (server(way),))
    with pytest.raises(DataUnavailableError, match=text) as error:
        mnist(source=MNIST)
    assert "No MNIST" in str(error.value) and "FLOWLIB_DATA" in str(error.value)
    assert list(folder.iterdir()) == []


def test_without_network_each_mirror_is_tried_once(folder, monkeypatch):
    asked, head = [], requests.head
    monkeypatch.setattr(requests, "head", lambda url, **k: (asked.append(url), head(url, **k)))
    monkeypatch.setattr(module, "MIRRORS", (NOWHERE, NOWHERE + "b/"))
    for split in ("train", "test"):
        with pytest.raises(DataUnavailableError, match="cannot be reached.*cannot be reached"):
            mnist(split, source=MNIST)
    assert asked == [NOWHERE + tuple(FILES)[0], NOWHERE + "b/" + tuple(FILES)[0]]


def test_a_silent_host_does_not_hold_us_up(monkeypatch):
    release = threading.Event()  # requests may sit in the look-up of a name, whatever its timeout
    monkeypatch.setattr(requests, "head", lambda *_, **__: release.wait(20))
    monkeypatch.setattr(files, "CONNECT_SECONDS", 0.05)
    try:
        with pytest.raises(DataUnavailableError, match="no answer in 0.05 s"):
            mnist(source=MNIST)
        assert not release.is_set()
    finally:
        release.set()


def test_offline_asks_nobody(server, monkeypatch):
    monkeypatch.setattr(module, "MIRRORS", (server("good"),))
    monkeypatch.setenv("FLOWLIB_OFFLINE", "1")
    with pytest.raises(DataUnavailableError, match="FLOWLIB_OFFLINE is set"):
        mnist(source=MNIST)
    assert "FLOWLIB_OFFLINE is set" in mnist_status() and not server.log
    monkeypatch.setenv("FLOWLIB_OFFLINE", "0")
    assert mnist().source == MNIST


def test_a_folder_that_cannot_be_written(tmp_path, server, monkeypatch):
    monkeypatch.setattr(module, "MIRRORS", (server("good"),))
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FLOWLIB_DATA", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="nothing can be written there"):
        assert mnist().source == SKLEARN_DIGITS
    assert not server.log


# --- the stand-in -----------------------------------------------------------------------------


def test_the_notice_comes_once_and_says_why(folder):
    with pytest.warns(UserWarning) as notices:
        digits = mnist("train")
    (notice,) = notices
    text = str(notice.message)
    assert "NOT MNIST" in text and SKLEARN_DIGITS in text and "cannot be reached" in text
    assert str(folder) in text and notice.filename != module.__file__
    assert digits.source == SKLEARN_DIGITS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mnist("test").source == SKLEARN_DIGITS


def test_scikit_learn_digits():
    from sklearn.datasets import load_digits

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # who asks for it needs no notice
        train, test = (mnist(split, source=SKLEARN_DIGITS) for split in ("train", "test"))
    assert (len(train), len(test)) == (1500, 297)
    data = load_digits()
    assert torch.cat([train.labels, test.labels]).tolist() == data.target.tolist()
    images = torch.cat([train.images, test.images])[:, 0]
    assert images.min() == 0 and images.max() <= 1
    # The centre of pixel i of 28 lies at (i + 1/2) 8/28 - 1/2 among the centres of the 8.
    at = (np.arange(28) + 0.5) * 8 / 28 - 0.5
    weights = np.stack([np.interp(at, np.arange(8), unit) for unit in np.eye(8)], 1)
    np.testing.assert_allclose(images, weights @ (data.images / 16) @ weights.T, atol=1e-5)
    again = mnist("train", source=SKLEARN_DIGITS, limit=5)
    assert torch.equal(again.images, train.images[:5]) and len(again) == 5
    quarters = train.images.reshape(1500, 1, 4, 7, 4, 7).mean((3, 5))
    small = mnist("train", 4, source=SKLEARN_DIGITS).images
    torch.testing.assert_close(small, quarters)


def test_train_and_test_are_the_same_data(folder, small):
    put(folder, {name: small[name] for name in list(small)[:2]})  # only those of train
    with pytest.warns(UserWarning, match="NOT MNIST.*t10k-images"):
        assert {mnist(split).source for split in ("train", "test")} == {SKLEARN_DIGITS}


def test_nothing_to_be_had(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataUnavailableError) as error:
        mnist()
    for part in ("cannot be reached", "internet", "FLOWLIB_DATA", "install scikit-learn"):
        assert part in str(error.value)
    with pytest.raises(DataUnavailableError, match="install scikit-learn"):
        mnist(source=SKLEARN_DIGITS)

"""Backends, chunks, interruption, threads and child processes."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from work import ctrl_c

import cellwise as cw
from cellwise import _backend
from cellwise.testing import available, use


def points(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def test_use_switches_and_comes_back():
    before = cw.backend()
    with use(backend="numpy"):
        assert cw.backend() == "numpy"
        assert cw.build_info()["isa"] == "none"
    assert cw.backend() == before
    with pytest.raises(RuntimeError, match="stop"), use(backend="numpy"):
        raise RuntimeError("stop")
    assert cw.backend() == before


def test_use_holds_for_all_threads():
    seen = []
    with use(backend="numpy"):
        thread = threading.Thread(target=lambda: seen.append(cw.backend()))
        thread.start()
        thread.join()
    assert seen == ["numpy"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "cuda"}, "backend must be one of 'native', 'numpy': got 'cuda'"),
        ({"isa": "sse"}, "isa must be one of 'scalar', 'portable', 'v2', 'avx2', 'avx512': got 'sse'"),
    ],
)
def test_unknown_names_raise(options, message):
    with pytest.raises(ValueError, match=message), use(**options):
        pass


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_environment_chooses_the_backend():
    assert run("import cellwise; print(cellwise.backend())", CELLWISE_BACKEND="numpy").stdout.strip() == "numpy"
    for name, value, words in [
        ("CELLWISE_BACKEND", "cuda", "backend must be one of 'native', 'numpy': got 'cuda'"),
        ("CELLWISE_ISA", "mmx", "isa must be one of 'scalar', 'portable', 'v2', 'avx2', 'avx512': got 'mmx'"),
        ("CELLWISE_CELL_LIMIT", "many", "CELLWISE_CELL_LIMIT must be a positive integer: got 'many'"),
    ]:
        assert words in run("import cellwise", **{name: value}).stderr
    code = "import cellwise as cw; cw.cell_children(cw.token_to_cell('1'), 4)"
    assert "cell limit of 100" in run(code, CELLWISE_CELL_LIMIT="100").stderr


def test_missing_native_module_is_explained(monkeypatch):
    monkeypatch.setattr(_backend, "native", None)
    monkeypatch.setattr(_backend, "_why_not_native", ImportError("gone"), raising=False)
    with pytest.raises(ImportError, match="backend 'native' is not built: build it with"), use(backend="native"):
        pass


def test_chunks_make_no_difference(path, monkeypatch):
    lat, lng = points(1000)
    lat[[300, 700]] = 91
    cells = cw.latlng_to_cell(lat, lng, on_invalid="null")
    disks = cw.cell_disk(cells, 1)
    monkeypatch.setattr(_backend.numpy, "CHUNK", 64)
    assert (cw.latlng_to_cell(lat, lng, on_invalid="null") == cells).all()
    assert cw.cell_disk(cells, 1) == disks
    assert (cw.cell_parent(cells, np.arange(1000) % 31) == np.where(cells, cells, 0)).sum() >= 0
    with pytest.raises(ValueError, match=r"got 91.0 at index 300 \(2 of 1000 values\)"):
        cw.latlng_to_cell(lat, lng)


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs POSIX signals")
def test_rows_can_be_stopped(backend):
    n = 100_000_000
    lat, lng, cells = np.broadcast_to(1.0, n), np.broadcast_to(2.0, n), np.zeros(n, np.uint64)
    with ctrl_c():
        cw.latlng_to_cell(lat, lng, out=cells)
    assert cells[-1] == 0  # it never came so far


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs POSIX signals")
@pytest.mark.parametrize(
    "options",
    [{"min_level": 12, "max_level": 12}, {"min_level": 12, "max_cells": 2**31 - 1, "interior": True}],
    ids=["covering", "interior covering"],
)
def test_coverings_can_be_stopped(options, backend, cells_looked_at):
    with ctrl_c():
        cw.cover(cw.Rect(lat=(0, 60), lng=(0, 120)), **options)
    assert cells_looked_at() < 5_000_000  # of 12 million, and more


def test_threads_agree():
    lat, lng = points(20_000)
    expected = cw.cell_to_token(cw.latlng_to_cell(lat, lng, 20))
    wrong = []

    def work():
        for _ in range(5):
            if not (cw.cell_to_token(cw.latlng_to_cell(lat, lng, 20)) == expected).all():
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


def _cells_in_child(queue, lat, lng):
    queue.put(cw.latlng_to_cell(lat, lng, 12))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_child_processes_after_use(method):
    lat, lng = points(1000)
    expected = cw.latlng_to_cell(lat, lng, 12)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=_cells_in_child, args=(queue, lat, lng))
    child.start()
    assert (queue.get(timeout=120) == expected).all()
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.needs_native
def test_native_functions_refuse_what_the_dispatcher_never_sends():
    native = importlib.import_module("cellwise._native")
    cells, out = np.ones(3, np.uint64), np.empty(4, np.uint64)
    with pytest.raises(ValueError, match="as many rows"):
        native.cell_next(cells, out, False)
    with pytest.raises(TypeError):
        native.cell_next(np.ones(3), np.empty(3, np.uint64), False)
    with pytest.raises(TypeError, match="must be floats"):
        native.latlng_to_cell(cells, np.ones(3), np.zeros(1, np.int32), out, False)
    with pytest.raises(ValueError, match="values has too few"):
        native.cell_disk(cells, np.zeros(1, np.int32), np.arange(4), np.empty(2, np.uint64))
    for function, more in ((native.cell_disk, [np.empty(4, np.uint64)]), (native.cell_disk_offsets, [])):
        with pytest.raises(ValueError, match="one more item"):
            function(cells, np.zeros(1, np.int32), np.empty(0, np.int64), *more)


def test_available_lists_what_can_be_used():
    for name, isa in available():
        with use(backend=name, isa=isa):
            assert cw.backend() == name


def test_repeated_calls_do_not_grow():
    resource = pytest.importorskip("resource")
    lat, lng = points(10_000)

    def work():
        cells = cw.latlng_to_cell(lat, lng)
        cw.cell_disk(cells[:100], 2)
        cw.cover(cw.Rect(lat=(0, 1), lng=(0, 1)), max_cells=100)
        cw.CellUnion(cells).normalize()

    for _ in range(20):
        work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        work()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    assert grown < 5_000_000

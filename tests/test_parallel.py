"""Threads make no difference to results, and never hang: not in forked children, not in worker processes."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import cellwise as cw
from cellwise.testing import use

pytestmark = [
    pytest.mark.needs_native,
    pytest.mark.thread_unsafe,  # the number of threads is one for the process
]
N = 300_000  # more than enough to be shared


def points(n=N, seed=0):
    rng = np.random.default_rng(seed)
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout.strip() or done.stderr


def threads():
    return int(cw.build_info()["threads"])


@pytest.fixture(autouse=True)
def _two_threads():
    with cw.set_num_threads(2):
        yield


def test_the_number_is_told_and_comes_back():
    assert threads() == 2
    with cw.set_num_threads(3):
        assert threads() == 3
    assert threads() == 2
    with use(backend="numpy"):
        assert threads() == 1


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        (0, ValueError, "n must be in 1..1024: got 0"),
        (2000, ValueError, "n must be in 1..1024: got 2000"),
        ("2", TypeError, "n must be an integer: got str '2'"),
        (True, TypeError, "n must be an integer: got bool True"),
    ],
)
def test_a_number_that_is_none(n, error, message):
    with pytest.raises(error, match=message):
        cw.set_num_threads(n)
    assert threads() == 2


def test_the_environment_and_affinity_choose():
    code = "import cellwise as cw; print(cw.build_info()['threads'])"
    assert run(code, CELLWISE_NUM_THREADS="3") == "3"
    assert "CELLWISE_NUM_THREADS must be in 1..1024: got 0" in run(code, CELLWISE_NUM_THREADS="0")
    assert "CELLWISE_NUM_THREADS must be an integer: got str 'two'" in run(code, CELLWISE_NUM_THREADS="two")
    if hasattr(os, "sched_setaffinity"):
        one = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + code
        assert run(one, CELLWISE_NUM_THREADS="") == "1"


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_threads_start_with_the_first_long_call():
    counts = run(
        """
        import os
        import numpy as np
        before = len(os.listdir("/proc/self/task"))
        import cellwise as cw
        cw.set_num_threads(3)
        counts = [len(os.listdir("/proc/self/task")) - before]
        for n in (1000, 300_000, 300_000):
            cw.latlng_to_cell(np.zeros(n), np.zeros(n))
            counts.append(len(os.listdir("/proc/self/task")) - before)
        print(counts)
        """,
        OPENBLAS_NUM_THREADS="1",
    )
    assert counts == "[0, 0, 2, 2]"


def test_any_number_gives_the_same():
    lat, lng = points()
    level = (np.arange(N) % 31).astype(np.int32)
    results = []
    for n in (1, 2, 3, 7):
        with cw.set_num_threads(n):
            cells = cw.latlng_to_cell(lat, lng, level)
            disks = cw.cell_disk(cells, 1)
            results.append((cells, *cw.cell_to_latlng(cells), cw.cell_to_token(cells), disks.values, disks.offsets))
    for other in results[1:]:
        for a, b in zip(results[0], other):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_first_invalid_row_is_found(n):
    lat, lng = points()
    lat[[5_000, 200_001, 200_000, 299_999]] = 91, 92, 93, 94
    rows = np.full(N, 1 << 60, np.uint64)
    rows[[123_456, 290_000]] = 2
    with cw.set_num_threads(n):
        for _ in range(5):
            with pytest.raises(ValueError, match=r"got 91.0 at index 5000 \(4 of 300000 values\)"):
                cw.latlng_to_cell(lat, lng)
            with pytest.raises(ValueError, match=r"at index 123456 \(2 of 300000 values\)"):
                cw.cell_children(rows, 3)


def test_callers_at_once_share_one_pool():
    lat, lng = points()
    expected = cw.latlng_to_cell(lat, lng)
    wrong = []

    def work():
        wrong.extend(1 for _ in range(10) if not (cw.latlng_to_cell(lat, lng) == expected).all())

    callers = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in callers]
    [t.join() for t in callers]
    assert not wrong


def cells_and_threads(seed):
    """What a child answers, with the number of threads it has of itself, and once it asked for two."""
    lat, lng = points(seed=seed)
    before = threads()
    cells = cw.latlng_to_cell(lat, lng, 12)
    cw.set_num_threads(2)
    assert (cw.latlng_to_cell(lat, lng, 12) == cells).all()
    return cells.sum(), before, threads()


def expected(seed):
    return cw.latlng_to_cell(*points(seed=seed), 12).sum(), 1, 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_fork_after_threads_were_used():
    assert expected(0)[0]  # threads are there now
    for _ in range(5):
        child = os.fork()
        if child == 0:
            signal.alarm(60)  # a child that hangs is killed
            os._exit(0 if cells_and_threads(1)[1:] == (1, 2) else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    assert threads() == 2


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_pools_of_multiprocessing_after_threads_were_used(method):
    want = [expected(seed) for seed in range(4)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(cells_and_threads, range(4), chunksize=4).get(timeout=120)[0] == want[0]
        first_of_each = pool.map_async(cells_and_threads, range(4), chunksize=4).get(timeout=120)
        assert [cells for cells, *_ in first_of_each] == [cells for cells, *_ in want]


def test_loky():
    joblib = pytest.importorskip("joblib")
    want = expected(0)
    got = joblib.Parallel(n_jobs=2, backend="loky", timeout=120)([joblib.delayed(cells_and_threads)(0)])
    assert got == [want]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
def test_a_long_row_on_another_thread_is_interrupted():
    code = """
        import signal
        import numpy as np
        import cellwise as cw

        def interrupt(*_):
            raise KeyboardInterrupt

        cw.set_num_threads(4)
        cw.set_cell_limit(10**9)
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        cells = cw.cell_parent(cw.latlng_to_cell(np.linspace(0, 1, 4), np.full(4, 45.0)), 30)
        try:
            cw.cell_disk(cells, [1, 4000, 1, 1])  # across the edge of a face: grown ring by ring
        except KeyboardInterrupt:
            print("stopped")
        """
    assert run(code) == "stopped"

"""Settings are one value for the process; blocks of `with` set and restore it, wherever they overlap."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cellwise as cw
from cellwise._config import Setting, cell_limit
from cellwise.errors import CellLimitError

MANY = cw.latlng_to_cell(1.0, 2.0, 4)


def test_a_limit_holds_in_every_thread():
    with cw.set_cell_limit(100), ThreadPoolExecutor(1) as pool:
        refused = pool.submit(cw.cell_children, MANY, 12).exception()
    assert isinstance(refused, CellLimitError)
    assert "cell limit of 100" in str(refused)
    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(cw.cell_children, MANY, 8).result()) == 4**4


def test_a_limit_set_in_one_thread_holds_in_others():
    before = cell_limit()
    try:
        thread = threading.Thread(target=cw.set_cell_limit, args=(77,))
        thread.start()
        thread.join()
        assert cell_limit() == 77
    finally:
        cw.set_cell_limit(before)


def test_of_overlapping_blocks_of_a_limit_the_smaller_holds():
    before = cell_limit()
    with cw.set_cell_limit(100):
        with cw.set_cell_limit(1000):
            assert cell_limit() == 100
        with cw.set_cell_limit(10):
            assert cell_limit() == 10
        assert cell_limit() == 100
    with cw.set_cell_limit(10**9):  # a single block may raise it
        assert cell_limit() == 10**9
    assert cell_limit() == before


def test_blocks_may_end_in_any_order():
    before = cell_limit()
    first, second = cw.set_cell_limit(100), cw.set_cell_limit(50)
    second.__enter__()
    first.__enter__()
    assert cell_limit() == 50
    second.__exit__(None, None, None)
    assert cell_limit() == 100
    first.__exit__(None, None, None)
    assert cell_limit() in (before, 100)  # what was set last for good
    cw.set_cell_limit(before)


def test_blocks_restore_after_errors():
    before = cell_limit()
    with pytest.raises(RuntimeError, match="stop"), cw.set_cell_limit(3):
        raise RuntimeError("stop")
    assert cell_limit() == before


def test_a_setting_calls_for_each_new_value_alone():
    seen = []
    setting = Setting("a", apply=seen.append)
    setting.set("a")
    with setting.set("b"):
        with setting.set("c"):
            pass
        setting.set("d")  # for good, once the blocks have ended
        assert setting.value == "b"
    assert setting.value == "d"
    assert seen == ["b", "c", "b", "d"]


def test_many_threads_with_blocks_of_their_own():
    """While blocks overlap the smallest limit holds; no thread ever sees a larger one than its own."""
    before = cell_limit()

    def work(n):
        seen = []
        for _ in range(50):
            with cw.set_cell_limit(n):
                seen.append(cell_limit() <= n)
        return all(seen)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(100, 900, 100)))
    assert cell_limit() == before


@pytest.mark.needs_native
def test_threads_and_instruction_sets_are_restored():
    info = cw.build_info()
    with cw.set_num_threads(3), cw.testing.use(isa="scalar"):
        assert (cw.build_info()["threads"], cw.build_info()["isa"]) == ("3", "scalar")
        with cw.set_num_threads(2):
            assert cw.build_info()["threads"] == "2"
        assert cw.build_info()["threads"] == "3"
    assert cw.build_info() == info


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "many"])
def test_bad_limits(bad):
    with pytest.raises((TypeError, ValueError), match="n must be"):
        cw.set_cell_limit(bad)


def test_backends_are_switched_for_small_calls_too():
    scalar = cw.latlng_to_cell(1.0, 2.0)
    with cw.testing.use(backend="numpy"):
        assert cw.backend() == "numpy"
        assert cw.latlng_to_cell(1.0, 2.0) == scalar
        assert cw.latlng_to_cell(np.array([1.0]), np.array([2.0]))[0] == scalar

"""How much work tests do, and calls, counted instead of timed; and Ctrl-C in the middle of a call."""

import importlib
import os
import signal
import tracemalloc
from contextlib import contextmanager

import pytest

STEPS = 4096  # of a native covering, from one question whether the user interrupts to the next


def many(n, more):
    """Of cases that are all alike, so many; in `make test-slow`, more."""
    return more if os.environ.get("CELLWISE_SLOW") else n


def interrupt_checks():
    """How often native kernels have asked so far whether the user interrupts."""
    return importlib.import_module("cellwise._native").interrupt_checks()


@contextmanager
def ctrl_c(seconds=0.2):
    """Ctrl-C comes so long after the body began, which ends by it."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def little_memory(most=1_000_000):
    """The body never holds more bytes of Python and numpy than so many."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()

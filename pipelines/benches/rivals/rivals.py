"""The job of the bench `rivals` with the process pools of Python: one line a pool: its name, its version, µs an item,
and µs of each recovery.

    python3 rivals.py POOL ITEMS ABORTS

POOL is ProcessPoolExecutor, pebble or loky. An item is 196,608 bytes in and as many out, every byte turned over. After an
abort whoever called does what the pool wants of him until he has the item's result.
"""

import os
import resource
import sys
import tempfile
import time

import numpy

WORKERS, BYTES = 2, 196_608


def begin():
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def turn(tile):
    return 255 - tile


def turn_or_abort(tile, stamp):
    """Aborts when nobody did so before."""
    if not os.path.exists(stamp):
        with open(stamp, "w") as file:
            file.write(str(time.monotonic_ns()))
            file.flush()
            os.abort()
    return 255 - tile


class Executor:
    """concurrent.futures: it breaks when a worker dies, and another one is made."""

    def __init__(self):
        self.pool = self.make()

    def make(self):
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(WORKERS, initializer=begin)

    def map(self, tiles):
        return list(self.pool.map(turn, tiles))

    def insist(self, *args):
        from concurrent.futures.process import BrokenProcessPool

        while True:
            try:
                return self.pool.submit(turn_or_abort, *args).result()
            except BrokenProcessPool:
                self.pool = self.make()

    def close(self):
        self.pool.shutdown()


class Loky(Executor):
    """The same; it is also what joblib uses."""

    def make(self):
        from loky import get_reusable_executor

        return get_reusable_executor(WORKERS, initializer=begin)

    def close(self):
        self.pool.shutdown(kill_workers=True)


class Pebble:
    """Its pool lives on, and tells which item it was."""

    def __init__(self):
        from pebble import ProcessPool

        self.pool = ProcessPool(WORKERS, initializer=begin)

    def map(self, tiles):
        futures = [self.pool.schedule(turn, [tile]) for tile in tiles]
        return [future.result() for future in futures]

    def insist(self, *args):
        from pebble import ProcessExpired

        while True:
            try:
                return self.pool.schedule(turn_or_abort, list(args)).result()
            except ProcessExpired:
                pass

    def close(self):
        self.pool.stop()
        self.pool.join()


def version(name):
    import importlib.metadata

    # One of them comes with Python.
    return sys.version.split()[0] if name == "ProcessPoolExecutor" else importlib.metadata.version(name)


def main():
    pools = {"ProcessPoolExecutor": Executor, "loky": Loky, "pebble": Pebble}
    name, items, aborts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    pool = pools[name]()
    tile = numpy.full(BYTES, 7, numpy.uint8)
    pool.map([tile] * 8)
    start = time.monotonic_ns()
    made = pool.map([tile] * items)
    each_us = (time.monotonic_ns() - start) / 1e3 / items
    assert len(made) == items and all((out == 248).all() for out in made)
    recoveries = []
    with tempfile.TemporaryDirectory() as folder:
        for n in range(aborts):
            stamp = os.path.join(folder, str(n))
            out = pool.insist(tile, stamp)
            end = time.monotonic_ns()
            assert (out == 248).all()
            with open(stamp) as file:
                recoveries.append((end - int(file.read())) / 1e3)
            pool.map([tile] * 8)
    print(name, version(name), each_us, *recoveries, flush=True)
    pool.close()


if __name__ == "__main__":
    main()

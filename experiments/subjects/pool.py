"""A pool of processes that cuts a picture into tiles: Python's standard library, and Pillow.

    python3 pool.py INPUT OUT NAME TILE WORKERS OPERATION RESUME

It does nothing for fault tolerance that the library does not do: when one process is killed, the pool is broken.
"""

import ctypes
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

try:
    from PIL import Image
except ImportError:
    print("Pillow is missing: apt install python3-pil, or pip install pillow", file=sys.stderr)
    sys.exit(2)

PR_SET_PDEATHSIG = 1
OPERATIONS = ("none", "grayscale")

picture = None


def open_picture(path):
    """Begins a worker: it ends with the pool, whatever that dies of."""
    global picture
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    picture = Image.open(path)
    picture.load()


def grayscale(tile):
    """Luma by BT.601 in fixed point, bit for bit as Okiagari has it."""
    bands = [band.tobytes() for band in tile.split()[:3]]
    luma = bytes((77 * r + 150 * g + 29 * b + 128) >> 8 for r, g, b in zip(*bands))
    return Image.frombytes("L", tile.size, luma)


def save(box, operation, partial, path):
    """One tile: under another name first, so that no half of it is ever taken for it."""
    tile = picture.crop(box)
    if operation == "grayscale" and tile.mode != "L":
        tile = grayscale(tile)
    tile.save(partial, format="PNG", compress_level=1)
    os.rename(partial, path)


def main():
    source, out, name, side, workers, operation, resume = sys.argv[1:]
    side, workers = int(side), int(workers)
    if operation not in OPERATIONS:
        print(f"pool.py knows the operations {', '.join(OPERATIONS)}, not {operation}", file=sys.stderr)
        return 2
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(source) as opened:
        (width, height), mode = opened.size, opened.mode
    if mode not in ("L", "RGB"):
        print(f"pool.py takes 8-bit grey or RGB, not {mode}", file=sys.stderr)
        return 2
    fork = get_context("fork")
    with ProcessPoolExecutor(workers, fork, open_picture, (source,)) as pool:
        jobs = []
        for y in range(0, height, side):
            for x in range(0, width, side):
                box = (x, y, min(x + side, width), min(y + side, height))
                file = f"{name}_{y // side}_{x // side}.png"
                path = os.path.join(out, file)
                if resume == "yes" and os.path.exists(path):
                    continue
                partial = os.path.join(out, ".partial", file)
                jobs.append(pool.submit(save, box, operation, partial, path))
        for job in jobs:
            job.result()
    return 0


if __name__ == "__main__":
    sys.exit(main())

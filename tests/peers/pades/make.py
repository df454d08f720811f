#!/usr/bin/env python3
"""Makes the cases of signed files, with pyHanko's own verdicts, into a folder: `make.py FOLDER`. See README.md."""

import logging
import sys
import tempfile
import time
from pathlib import Path

from cases import make


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: make.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.WARNING)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as keys:  # the private keys are gone when this ends
        made = make(folder, Path(keys))
    print(f"{len(made)} cases in {folder} after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Seconds of the product's engine on a volume that is read from its file, with so many threads."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from in_memory import image_in

from gmic_core.exam.frames import FrameReader
from gmic_core.inference.engine import run_image
from gmic_core.inference.network import load_network


def main() -> None:
    """Measure and write the figure."""
    parser = argparse.ArgumentParser(description="measure 3D-GMIC on a volume")
    parser.add_argument("path", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    loaded = load_network("gmic3d", "random:0", "cpu")
    image = image_in(args.path)
    with FrameReader() as reader:
        reader.read(image, 0)  # the decoder runs
        start = time.perf_counter()
        run_image(image, loaded, reader)
        seconds = time.perf_counter() - start
    args.out.write_text(json.dumps({"seconds": seconds, "threads": torch.get_num_threads()}), encoding="utf-8")


if __name__ == "__main__":
    main()

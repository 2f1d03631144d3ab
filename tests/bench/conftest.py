"""The benchmarks are scripts, no package: their folder is put on the path, behind everything else."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "packaging" / "bench"))

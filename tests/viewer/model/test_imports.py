"""The state of the window comes without a toolkit, and without what takes long to import."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import importlib, json, pkgutil, sys
import viewer.model
for module in pkgutil.iter_modules(viewer.model.__path__, "viewer.model."):
    importlib.import_module(module.name)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_importing_the_whole_model_needs_neither_qt_nor_anything_slow() -> None:
    out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(out.stdout))
    assert "numpy" in loaded
    assert loaded & {"PySide6", "vtk", "vtkmodules", "torch", "cv2", "scipy", "pydicom", "imagecodecs"} == set()

"""The first try of OpenGL, in a process of its own that imports neither Qt nor the rest of the window."""

from __future__ import annotations

from multiprocessing.connection import Connection

from viewer.model.volume import Engine


def attempt(pipe: Connection) -> None:
    """Entry point of the process: paint a small volume, and say how it went."""
    try:
        from viewer.views.volume_vtk import try_opengl

        engine = try_opengl()
    except Exception as error:  # noqa: BLE001  # a driver or a missing library may raise anything
        engine = Engine("missing", f"{type(error).__name__}: {error}")
    pipe.send(engine)

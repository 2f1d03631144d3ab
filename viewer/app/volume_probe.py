"""Does OpenGL work here? Tried in a process of its own: a broken graphics driver ends that one, not the window."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from viewer.model.volume import Engine
from viewer.views.volume_trial import attempt

PATIENCE_S = 90.0
"""A driver that has not painted 32 x 32 pixels by then is not used; a busy machine may take half a minute."""
Main = Callable[[Connection], None]


def probe(main: Main = attempt, patience_s: float = PATIENCE_S) -> Engine:
    """Try OpenGL in a new process and wait for the answer; not for the GUI thread.

    Parameters
    ----------
    main : entry point of the process; tests let it crash.
    """
    context = multiprocessing.get_context("spawn")  # a fork would take the window's threads and locks along
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=main, args=(theirs,), name="gmic-opengl", daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(patience_s):
            return Engine("missing", f"the graphics driver did not answer within {patience_s:.0f} s")
        found = ours.recv()
    except (EOFError, OSError):
        process.join(1.0)
        return Engine("missing", f"the graphics driver crashed (exit code {process.exitcode})")
    else:
        return found if isinstance(found, Engine) else Engine("missing", "the trial of OpenGL gave no answer")
    finally:
        if process.is_alive():
            process.join(1.0)
            process.kill()
        process.join(1.0)
        ours.close()


def probe_in_background(post: Callable[[Callable[[], None]], None], done: Callable[[Engine], None]) -> threading.Thread:
    """Try OpenGL without waiting; ``done`` gets the answer on the GUI thread."""

    def run() -> None:
        engine = probe()
        post(lambda: done(engine))

    thread = threading.Thread(target=run, name="gmic-opengl-probe", daemon=True)
    thread.start()
    return thread

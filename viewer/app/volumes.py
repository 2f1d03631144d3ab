"""Opens the 3D view when it is asked for, and feeds it; nothing of it exists before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gmic_core.exam.model import MammoImage
from viewer.app.volume_probe import probe_in_background
from viewer.commands.context import Context
from viewer.model.placement import link_key
from viewer.model.viewstate import ImageState
from viewer.model.volume import Engine, Volume, volume_image
from viewer.model.volume_grid import view_mm_to_world
from viewer.services.latest import LatestWorker
from viewer.services.volume import Decode, Presentation, Told, VolumeService

if TYPE_CHECKING:
    from viewer.views.main_window import MainWindow
    from viewer.views.volume_view import VolumeView

Post = Callable[[Callable[[], None]], None]


class Volumes:
    """What stands behind the 3D view.

    Parameters
    ----------
    decode : returns stored pixels of a slice, in any thread but the GUI's.
    post : runs a callable on the GUI thread.
    probe : asks for OpenGL in the background; tests answer at once.
    keeps : is told which volume is in memory; None: none any more.
    """

    def __init__(
        self,
        context: Context,
        window: MainWindow,
        decode: Decode,
        post: Post,
        probe: Callable[[Post, Callable[[Engine], None]], object] = probe_in_background,
        keeps: Callable[[Volume | None], None] = lambda _volume: None,
    ) -> None:
        self._context, self._window, self._post, self._probe = context, window, post, probe
        self._session, self._model = context.session, context.session.volume
        self._service, self._keeps = VolumeService(decode, post), keeps
        self._latest: LatestWorker | None = None
        self._state: ImageState | None = None
        self.view: VolumeView | None = None
        self.volume: Volume | None = None
        session = self._session
        for signal in (session.active_changed, session.layout_changed):
            signal.connect(self._follow, check_nargs=False)
        session.exam_changed.connect(self._new_exam, check_nargs=False)
        session.displays.changed.connect(self._recolour)

    # -- open and close ------------------------------------------------------------------------------------------
    def toggle(self) -> None:
        """Open the view beside the viewports, or close it."""
        if self._model.is_open:
            self._hide()
        else:
            self._show()

    def _show(self) -> None:
        if self.view is None:
            self.view = self._make_view()
        self._model.set_open(True)
        self._window.show_beside(self.view)
        if self._model.engine.kind == "unknown":
            self._probe(self._post, lambda engine: self._tried(engine))
        self._follow()
        self.view.canvas.setFocus()

    def _make_view(self) -> VolumeView:
        from viewer.views.volume_view import VolumeView

        self._latest = LatestWorker(self._post, self._picture_failed, "gmic-volume-pictures")
        view = VolumeView(self._context, self._latest)
        self._latest.at_close(view.canvas.pictures.release)
        self._session.links.cursor_changed.connect(self._pointed)
        return view

    def _hide(self) -> None:
        """Close the view and give the volume's memory back."""
        self._service.cancel()
        self._model.set_open(False)
        self._forget()
        if self.view is not None:
            self._window.show_beside(None)
        self._window.grid.setFocus()

    def settled(self) -> bool:
        """Whether the view shows what it should."""
        return self.view is not None and self.view.canvas.settled

    def close(self, timeout: float = 3.0) -> None:
        """Stop everything."""
        self._service.close(timeout)
        if self._latest is not None:
            self._latest.close(timeout)

    def _tried(self, engine: Engine) -> None:
        self._model.set_status(engine=engine)
        self._model.changed.emit()

    def _picture_failed(self, message: str) -> None:
        self._session.notice.emit("error", f"3D view: {message}")

    # -- what is shown -------------------------------------------------------------------------------------------
    def _new_exam(self, *_: object) -> None:
        """Read the volume anew even where the same exam was opened again: its files may have been edited."""
        if self._model.is_open:
            self._service.cancel()
            self._forget()

    def _follow(self, *_: object) -> None:
        """Show the volume of the active image; one that is shown stays while nothing else fits."""
        if not self._model.is_open:
            return
        session = self._session
        active = session.active_image
        image = volume_image(session.exam_of(active.sop_uid), active) if active is not None else None
        if image is None:
            if session.image(self._model.sop_uid) is None:
                self._forget()
            return
        if self._state is None or self._state is not session.state_of(image):
            self._watch(session.state_of(image))
        if image.sop_uid != self._model.sop_uid:
            self._read(image)

    def _watch(self, state: ImageState | None) -> None:
        if self._state is not None:
            self._state.presentation_changed.disconnect(self._recolour)
        self._state = state
        if state is not None:
            state.presentation_changed.connect(self._recolour)

    def _forget(self) -> None:
        self._watch(None)
        self._keep(None)
        self._model.show_image("")
        if self.view is not None:
            self.view.show_volume(None)

    def _keep(self, volume: Volume | None) -> None:
        self.volume = volume
        self._keeps(volume)

    def _read(self, image: MammoImage) -> None:
        self._keep(None)
        self._model.show_image(image.sop_uid)
        if self.view is not None:
            self.view.show_volume(None)
        self._service.build(image, self._presentation(), self._told())

    def _presentation(self) -> Presentation:
        state = self._state
        if state is None:
            return Presentation()
        black = self._session.displays.air_black
        return Presentation(state.window, state.auto_window, state.inverted, state.choice, black)

    def _told(self) -> Told:
        return Told(lambda done, total: self._model.set_status(progress=(done, total)), self._ready, self._failed)

    def _recolour(self) -> None:
        if self.volume is not None:
            self._service.recolour(self.volume, self._presentation(), self._told())

    def _ready(self, volume: Volume) -> None:
        self._keep(volume)
        if self.view is not None:
            self.view.show_volume(volume)

    def _failed(self, message: str) -> None:
        self._model.set_status(problem=message)

    def _pointed(self) -> None:
        """Follow the cursor over any image of this breast and view."""
        cursor, image = self._session.links.cursor, self._session.image(self._model.sop_uid)
        if cursor is None or image is None or cursor.key != link_key(image):
            return
        # the same place of a breast in an earlier exam is another place
        if self._session.exam_of(cursor.sop_uid) is self._session.exam_of(image.sop_uid):
            self._model.point(view_mm_to_world(image, cursor.at))

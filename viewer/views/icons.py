"""Icons of the interface: stroke SVGs of one family, in the colours of the theme, at the screen's own resolution."""

from __future__ import annotations

import functools

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from viewer.views import theme


@functools.cache
def _svg(name: str) -> str:
    return (theme.RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@functools.cache
def pixmap(
    name: str, color: str = theme.SECONDARY, size: int = theme.ICON_SIZE, ratio: float = 1.0, gap: int = 0
) -> QPixmap:
    """Return an icon as pixels.

    Parameters
    ----------
    name : file in resources/icons without its ending.
    color : any colour of the theme.
    size : in device-independent pixels.
    ratio : device pixels per device-independent pixel.
    gap : free room at its right, for a text that stands there; device-independent pixels.
    """
    side = round(size * ratio)
    result = QPixmap(side + round(gap * ratio), side)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(_svg(name).replace("currentColor", color).encode())).render(
        painter, QRectF(0, 0, side, side)
    )
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


def icon(name: str, size: int = theme.ICON_SIZE, gap: int = 0) -> QIcon:
    """Return an icon for a button: grey, brighter under the mouse or switched on, faint when disabled."""
    app = QGuiApplication.instance()
    ratio = app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0
    result = QIcon()
    looks = (
        (QIcon.Mode.Normal, QIcon.State.Off, theme.SECONDARY),
        (QIcon.Mode.Normal, QIcon.State.On, theme.TEXT),
        (QIcon.Mode.Active, QIcon.State.Off, theme.TEXT),
        (QIcon.Mode.Active, QIcon.State.On, theme.TEXT),
        (QIcon.Mode.Disabled, QIcon.State.Off, theme.DISABLED),
        (QIcon.Mode.Disabled, QIcon.State.On, theme.DISABLED),
    )
    for mode, state, color in looks:
        result.addPixmap(pixmap(name, color, size, ratio, gap), mode, state)
    return result

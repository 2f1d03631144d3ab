"""Names at the left, numbers at the right, in small type."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.views import parts


class Rows(QWidget):
    """A table without lines; not there while it is empty.

    Attributes
    ----------
    values : the label of each row by its name.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: dict[str, parts.Label] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)

    def show_rows(self, rows: list[tuple[str, str]]) -> None:
        """Show these rows; their names stay the same from call to call, or there are none."""
        self.setVisible(bool(rows))
        for name, value in rows:
            if name not in self.values:
                row = len(self.values)
                self.values[name] = parts.caption("", "")
                self._grid.addWidget(parts.caption(name), row, 0)
                self._grid.addWidget(self.values[name], row, 1)
            self.values[name].setText(value)
            self.values[name].setAccessibleName(f"{name} {value}")

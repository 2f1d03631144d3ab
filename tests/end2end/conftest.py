"""End-to-end tests need no screen either."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # said by the platform plugin whenever a window with a minimum size is shown; about no mistake of ours
        item.add_marker(pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True))

"""Slabs and the 3D view's volume take from the memory that decoded slices may have: all of it shares one cap."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from tests.helpers.hung_images import make_exam, make_image
from viewer.app.memory_share import MemoryShare
from viewer.model.session import Session
from viewer.model.slab import Slab
from viewer.model.viewstate import Slot
from viewer.model.volume import Volume


class Keeper:
    """Remembers what was set aside for whom."""

    def __init__(self) -> None:
        self.aside: dict[str, int] = {}

    def set_aside(self, owner: str, nbytes: int) -> None:
        self.aside[owner] = nbytes


def hang(session: Session, labels: tuple[str, ...]) -> None:
    images = [make_image(label, "DBT", frames=20, shape=(300, 200)) for label in labels]
    images[-1] = make_image(labels[-1], "FFDM", shape=(300, 200))
    session.open_exam(make_exam(*images))
    slots = [Slot(0, column, image.label, session.state_of(image)) for column, image in enumerate(images)]
    session.hang("row", (1, len(slots)), slots)


def test_every_viewport_with_a_slab_counts() -> None:
    session, keeper = Session(), Keeper()
    share = MemoryShare(session, keeper)
    hang(session, ("R-CC", "L-CC", "R-MLO"))  # two tomosyntheses; a mammogram has no slab
    assert keeper.aside == {"slabs": 0}
    session.viewing.set_slab(Slab(True, 5.0))
    assert keeper.aside == {"slabs": 320_000}  # 2 x 300 x 200 pixels of 2 bytes, and a third more for the halvings
    hang(session, ("R-CC", "L-CC"))
    assert keeper.aside == {"slabs": 160_000}
    session.viewing.set_slab(Slab(False, 5.0))
    assert keeper.aside == {"slabs": 0}
    share.volume(None)
    assert keeper.aside == {"slabs": 0, "volume": 0}


def test_the_volume_counts_with_the_copy_that_is_drawn() -> None:
    keeper = Keeper()
    share = MemoryShare(Session(), keeper)
    gray = SimpleNamespace(values=np.zeros((10, 30, 20), np.uint8))
    stored = np.zeros((10, 30, 20), np.uint16)
    image = make_image("R-CC", "DBT", frames=10)
    share.volume(Volume(image, cast("object", None), stored, gray, cast("object", None)))  # type: ignore[arg-type]
    assert keeper.aside == {"volume": 24_000}  # 6000 voxels: 2 bytes stored, 1 shown, 1 drawn

"""Order of an epoch, loading ahead, and what is refused before training."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from gmic_core.errors import TrainingError
from gmic_core.training.batches import Background, ahead, epoch_order
from gmic_core.training.samples import balanced_order, check_classes

LABELS = [(0, 1)] * 3 + [(1, 0)] * 2 + [(0, 0)] * 20


def test_an_epoch_has_all_findings_and_as_many_without() -> None:
    order = balanced_order(LABELS, np.random.default_rng(3))
    assert sorted(i for i in order if i < 5) == [0, 1, 2, 3, 4]
    assert len(order) == len(set(order)) == 10


def test_with_few_normals_all_of_them_are_taken() -> None:
    order = balanced_order([(0, 1)] * 4 + [(0, 0)], np.random.default_rng(0))
    assert sorted(order) == [0, 1, 2, 3, 4]


def test_every_epoch_draws_anew_and_the_same_epoch_alike() -> None:
    first, again, second = (epoch_order(LABELS, 1, e, 4, balanced=True, whole_only=False) for e in (0, 0, 1))
    assert [list(batch) for batch in first] == [list(batch) for batch in again]
    assert [list(batch) for batch in first] != [list(batch) for batch in second]
    assert [len(batch) for batch in first] == [4, 4, 2]
    whole = epoch_order(LABELS, 1, 0, 4, balanced=True, whole_only=True)
    assert [len(batch) for batch in whole] == [4, 4]


def test_an_empty_class_is_named() -> None:
    with pytest.raises(TrainingError, match="validation split holds no malignant images \\(0 of 2\\)"):
        check_classes([(1, 0), (0, 0)], "validation")
    with pytest.raises(TrainingError, match="training split holds only benign images"):
        check_classes([(1, 0), (1, 1)], "training")
    with pytest.raises(TrainingError, match="holds no image"):
        check_classes([], "training")


def test_results_come_in_order_and_the_threads_end() -> None:
    assert list(ahead(((lambda i=i: i * i) for i in range(20)), workers=3, waiting=5)) == [i * i for i in range(20)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("samples")]


def test_an_error_in_a_thread_arrives() -> None:
    def fail() -> int:
        raise TrainingError("image 7 is corrupt")

    with pytest.raises(TrainingError, match="image 7 is corrupt"):
        list(ahead([fail], workers=1, waiting=1))


def test_a_background_iterator_passes_items_and_errors_and_can_be_left() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise TrainingError("no more patches")

    stream = Background(items())
    assert [next(stream) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(TrainingError, match="no more patches"):
        next(stream)
    endless = Background(iter(int, 1))
    next(endless)
    endless.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "patches"]

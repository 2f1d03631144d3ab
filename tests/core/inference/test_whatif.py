"""Scores over some of the patches, from kept features: the same numbers as the network gives."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gmic_core.errors import InferenceError
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.scan import scan
from gmic_core.inference.engine import run_image
from gmic_core.inference.ensemble import ensemble_mean, members_of
from gmic_core.inference.reruns import without_patches
from gmic_core.inference.whatif import Reduced, mean_reduced, patch_features
from gmic_core.types import ImageResult
from tests.helpers.breasts import breast
from tests.helpers.dicom_files import write_mg
from tests.helpers.networks import small_network


@pytest.fixture(scope="module", params=["gmic2d", "gmic2d_park"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Two sets of weights of a network and what they say about one image."""
    path = write_mg(tmp_path_factory.mktemp("what-if") / "l.dcm", breast(400, 340, seed=4), laterality="L", view="CC")
    (image,) = scan([Path(path)]).exams[0].images
    loaded = [small_network(request.param, seed) for seed in (0, 1)]
    with FrameReader(start=False) as reader:
        results = [run_image(image, one, reader) for one in loaded]
    return [one.network for one in loaded], results


def test_with_all_patches_the_scores_are_those_of_the_result(ran) -> None:
    networks, results = ran
    for network, result in zip(networks, results, strict=True):
        (kept,) = patch_features(result)
        assert kept.features.shape == (3, 512)
        reduced = without_patches(network, kept, [True] * 3)
        np.testing.assert_allclose(reduced.y, result.y, atol=1e-6)
        np.testing.assert_allclose(reduced.y_local, result.y_local, atol=1e-6)
        np.testing.assert_allclose(reduced.attention, [roi.attention for roi in result.rois], atol=1e-6)


def test_one_patch_alone_gives_the_local_score_that_is_shown_for_it(ran) -> None:
    networks, (result, _) = ran
    (kept,) = patch_features(result)
    for number, roi in enumerate(result.rois):
        reduced = without_patches(networks[0], kept, [index == number for index in range(3)])
        np.testing.assert_allclose(reduced.y_local, roi.local_scores, atol=1e-6)
        assert reduced.attention[number] == pytest.approx(1.0)
        assert sum(reduced.attention) == pytest.approx(1.0)


def test_the_rest_of_the_patches_is_weighed_anew(ran) -> None:
    networks, (result, _) = ran
    (kept,) = patch_features(result)
    reduced = without_patches(networks[0], kept, [False, True, True])
    rest = np.array([roi.attention for roi in result.rois[1:]])
    np.testing.assert_allclose(reduced.attention, [0.0, *(rest / rest.sum())], atol=1e-6)  # a softmax over fewer
    with torch.inference_mode():
        local = networks[0].attend(torch.from_numpy(kept.features[1:]))
    np.testing.assert_allclose(reduced.y_local, local.y_local[0].tolist(), atol=1e-6)


def test_without_any_patch_the_score_is_the_global_one(ran) -> None:
    networks, (result, _) = ran
    reduced = without_patches(networks[0], patch_features(result)[0], [False] * 3)
    assert reduced.y == result.y_global
    assert all(math.isnan(value) for value in reduced.y_local)
    assert reduced.attention == (0.0, 0.0, 0.0)


def test_an_ensemble_is_the_mean_of_its_members(ran) -> None:
    networks, results = ran
    whole = ensemble_mean(results)
    kept = patch_features(whole)
    assert [len(one.features) for one in kept] == [3, 3]
    reduced = mean_reduced([without_patches(n, k, [True] * 3) for n, k in zip(networks, kept, strict=True)])
    np.testing.assert_allclose(reduced.y, whole.y, atol=1e-6)
    np.testing.assert_allclose(reduced.y_local, whole.y_local, atol=1e-6)
    assert len(reduced.attention) == 6
    assert sum(reduced.attention) == pytest.approx(2.0)


def test_an_ensemble_tells_what_its_members_said_and_where_they_differ(ran) -> None:
    _, results = ran
    whole: ImageResult = ensemble_mean(results)
    assert [member.weights for member in whole.members] == ["random:0", "random:1"]
    assert [member.y for member in members_of(whole)] == [result.y for result in results]
    assert [member.patches for member in whole.members] == [3, 3]
    half = np.abs(results[0].saliency.astype(np.float32) - results[1].saliency.astype(np.float32)) / 2
    np.testing.assert_allclose(whole.spread, half, atol=1e-3)  # the deviation of two numbers is half their distance
    assert results[0].spread is None
    assert members_of(results[0])[0].y == results[0].y


def test_members_without_a_finite_local_score_stay_out_of_the_mean() -> None:
    nan = float("nan")
    mean = mean_reduced([Reduced((0.2, 0.4), (nan, nan), ()), Reduced((0.4, 0.8), (0.1, 0.3), (1.0,))])
    assert mean.y == pytest.approx((0.3, 0.6))
    assert mean.y_local == (0.1, 0.3)
    assert mean.attention == (1.0,)


def test_results_of_earlier_versions_ask_to_be_run_again(ran) -> None:
    networks, (result, _) = ran
    with pytest.raises(InferenceError, match=r"earlier version.*run the AI again"):
        patch_features(dataclasses.replace(result, features=None))
    with pytest.raises(InferenceError, match="There are 3 patches, but 2 were"):
        without_patches(networks[0], patch_features(result)[0], [True, False])

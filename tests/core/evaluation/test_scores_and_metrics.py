"""From images to breasts, ensembles of modalities and rows of figures."""

from __future__ import annotations

import json
import math

import pytest
from sklearn.metrics import roc_auc_score

from gmic_core.evaluation import paper
from gmic_core.evaluation.document import Evaluation, all_metrics, document, image_row, metric_entry, roc_curves, table
from gmic_core.evaluation.metrics import Bootstrap, classification_metrics
from gmic_core.evaluation.report import report
from gmic_core.evaluation.scores import TABLE_II, breast_cases, image_cases, rows_for
from gmic_core.types import Laterality, Modality
from tests.core.evaluation.builders import evaluated, score

DBT, FFDM, S2D = Modality.DBT, Modality.FFDM, Modality.S2D
FEW = Bootstrap(seed=1, iterations=40)


def test_a_breast_is_the_mean_of_its_views() -> None:
    images = [
        score("a", DBT, "CC", (0.2, 0.4), (False, True)),
        score("a", DBT, "MLO", (0.4, 0.8), (False, True)),
        score("a", DBT, "MLO", (0.6, 0.6), (False, True)),  # a second MLO: their mean counts once
        score("a", DBT, "ML", (1.0, 1.0), (False, True)),  # no standard view
        score("a", DBT, "CC", (0.9, 0.9), side=Laterality.R),
        score("b", DBT, "CC", (0.1, 0.1)),
    ]
    cases = {case.name: case for case in breast_cases(images, (DBT,))}
    assert set(cases) == {"a L", "a R", "b L"}
    assert cases["a L"].y == pytest.approx(((0.2 + 0.5) / 2, (0.4 + 0.7) / 2))
    assert cases["a L"].labels == (False, True)
    assert (cases["a L"].complete, cases["a R"].complete) == (True, False)


def test_ensembles_take_breasts_that_all_modalities_show() -> None:
    images = [
        score("a", DBT, "CC", (0.2, 0.4), (True, False)),
        score("a", DBT, "MLO", (0.4, 0.6), (True, False)),
        score("a", FFDM, "CC", (0.8, 0.1), (True, False)),
        score("b", DBT, "CC", (0.1, 0.1)),
    ]
    (both,) = breast_cases(images, (DBT, FFDM))
    assert both.name == "a L"
    assert both.y == pytest.approx(((0.3 + 0.8) / 2, (0.5 + 0.1) / 2))
    assert not both.complete  # FFDM has one view
    assert breast_cases(images, (DBT, S2D)) == []
    assert [case.y for case in image_cases(images, (DBT, FFDM))] == [pytest.approx((0.5, 0.25))]


def test_a_score_that_does_not_exist_does_not_count() -> None:
    assert image_cases([score("a", DBT, "CC", (math.nan, 0.1))], (DBT,)) == []


def test_the_rows_are_those_of_table_ii() -> None:
    assert [name for name, _ in TABLE_II] == [
        "FFDM", "Synthetic 2D", "DBT", "FFDM + Synthetic 2D", "DBT + Synthetic 2D", "DBT + FFDM", "All 3 modalities",
    ]  # fmt: skip
    assert len(rows_for([])) == 7
    assert rows_for([score("a", Modality.MG, "CC", (0, 0))])[-1][0] == "MG (unstated)"


def test_all_seven_rows_agree_with_scikit_learn() -> None:
    images = []
    for k in range(24):
        labels = (k % 3 == 1, k % 4 == 0)
        for m, modality in enumerate((DBT, FFDM, S2D)):
            for v, view in enumerate(("CC", "MLO")):
                y = ((k * 7 + m * 3 + v) % 11 / 11, ((k * 5 + m * 2 + v * 4) % 13 + 3 * labels[1]) / 16)
                images.append(score(f"c{k}", modality, view, y, labels))
    metrics = classification_metrics(images, FEW)
    for row, modalities in TABLE_II:
        for c, finding in enumerate(("benign", "malignant")):
            mean = [
                sum(i.y[c] for i in images if i.case == f"c{k}" and i.modality in modalities) / (2 * len(modalities))
                for k in range(24)
            ]
            truth = [(k % 3 == 1, k % 4 == 0)[c] for k in range(24)]
            (auc,) = [
                m for m in metrics
                if (m.level, m.row, m.module, m.finding, m.name) == ("breast", row, "full", finding, "auc")
            ]  # fmt: skip
            assert auc.interval is not None
            assert auc.interval.value == pytest.approx(roc_auc_score(truth, mean), abs=1e-6)
            assert auc.interval.low <= auc.interval.value <= auc.interval.high
            assert (auc.positives, auc.negatives) == (sum(truth), 24 - sum(truth))


def test_an_empty_class_has_no_curve_and_says_why() -> None:
    images = [score(f"c{k}", DBT, "CC", (0.1 * k, 0.2), (k % 2 == 0, False)) for k in range(6)]
    metrics = classification_metrics(images, FEW)
    by = {(m.level, m.row, m.module, m.finding, m.name): m for m in metrics}
    missing = by["image", "DBT", "full", "malignant", "auc"]
    assert missing.interval is None
    assert "no positive case" in missing.reason
    assert by["image", "FFDM", "full", "benign", "auc"].reason == "No image was scored in FFDM."
    assert by["image", "DBT", "full", "benign", "auc"].interval is not None


def whole(count: int = 12) -> Evaluation:
    images = [evaluated(k, m, v) for k in range(count) for m in (DBT, FFDM) for v in ("CC", "MLO")]
    return Evaluation(tuple(images), (), {"kind": "test <data>"}, simulated=True, draws=FEW)


def test_the_document_has_reasons_and_no_nan() -> None:
    evaluation = whole()
    metrics = all_metrics(evaluation)
    text = json.dumps(document(evaluation, metrics, roc_curves(evaluation.scores)), allow_nan=False)
    read = json.loads(text)
    assert read["schema"] == "gmic-viewer evaluation 1"
    assert read["warnings"][0] == "Research use only. Not for diagnosis."
    assert read["warnings"][1].startswith("Simulated breasts")
    assert read["counts"][0] == {
        "modality": "DBT", "images": 24, "breasts": 12, "breasts_with_both_views": 12, "benign_images": 8,
        "malignant_images": 8, "benign_breasts": 4, "malignant_breasts": 4, "normal_images": 8,
        "benign_with_truth": 8, "malignant_with_truth": 8,
    }  # fmt: skip
    undefined = [row for row in read["metrics"] if row["value"] is None]
    assert undefined
    assert all(row["reason"] for row in undefined)
    volume = [r for r in read["metrics"] if (r["level"], r["row"], r["metric"]) == ("volume", "DBT", "pxap")]
    assert {row["class"] for row in volume} == {"benign", "malignant"}
    assert not [r for r in read["metrics"] if r["level"] == "volume" and r["row"] == "FFDM"]
    gains = [r for r in read["metrics"] if r["metric"] == "pxap_over_chance" and r["row"] == "DBT"]
    assert all(row["low"] <= row["value"] <= row["high"] for row in gains)


def test_tables_have_one_row_each() -> None:
    evaluation = whole(3)
    lines = table(map(image_row, evaluation.images)).decode().splitlines()
    assert len(lines) == 13
    assert lines[0].startswith("case,image,modality,laterality,view,benign_label,benign_pred")
    assert lines[1].startswith("sim-000000,1.2.0.CC.DBT,DBT,L,CC,0,")
    metrics = all_metrics(evaluation)
    lines = table(map(metric_entry, metrics)).decode().splitlines()
    assert lines[0] == "level,row,module,class,metric,value,low,high,draws_used,draws,positives,negatives,reason"
    assert len(lines) == len(metrics) + 1
    assert not [line for line in lines if ",nan," in line.lower()]


def test_the_report_stands_by_itself_and_says_what_it_is() -> None:
    evaluation = whole()
    page = report(evaluation, all_metrics(evaluation), roc_curves(evaluation.scores))
    assert page == report(evaluation, all_metrics(evaluation), roc_curves(evaluation.scores))
    assert "Research use only" in page
    assert paper.DIFFERENT_DATA.replace("'", "&#x27;") in page
    assert page.count("<svg") == 4
    assert "test &lt;data&gt;" in page
    assert "paper 0.831 (0.769-0.887)" in page
    for outside in ("<script", "<link", 'src="', "url(http", "@import"):
        assert outside not in page


def test_the_papers_tables_are_copied_right() -> None:
    auc = paper.TABLES["auc"][1]
    assert auc["DBT", "full", "malignant"] == (0.831, 0.769, 0.887)
    assert auc["All 3 modalities", "full", "malignant"] == (0.841, 0.768, 0.895)
    assert paper.TABLES["matthews_at_90"][1]["FFDM + Synthetic 2D", "full", "malignant"] == (0.038, -0.005, 0.070)
    assert paper.TABLES["specificity_at_90"][1]["DBT", "global", "benign"] == (0.349, 0.312, 0.444)
    assert all(low <= value <= high for _, rows in paper.TABLES.values() for value, low, high in rows.values())

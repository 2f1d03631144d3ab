"""What the papers report, to stand beside our figures: other data, other patients, never a comparison of networks."""

from __future__ import annotations

DIFFERENT_DATA = (
    "Different data: the papers' figures come from screening patients of NYU Langone Health, ours from the images "
    "named above. They must not be compared; they stand here to show what was measured, and how."
)

Row = tuple[float, float, float]
"""Value and the bounds of its 95 % interval."""

# 3D-GMIC (Park et al. 2022), Tables II-IV, breast-wise: row -> (module, class) -> value (low, high).
_ROWS = (
    "FFDM",
    "Synthetic 2D",
    "DBT",
    "FFDM + Synthetic 2D",
    "DBT + Synthetic 2D",
    "DBT + FFDM",
    "All 3 modalities",
)
_COLUMNS = (("global", "malignant"), ("global", "benign"), ("full", "malignant"), ("full", "benign"))

_AUC = """
0.802 0.734 0.864  0.710 0.681 0.739  0.816 0.737 0.878  0.728 0.695 0.758
0.790 0.719 0.856  0.696 0.662 0.727  0.826 0.754 0.884  0.699 0.666 0.732
0.811 0.747 0.869  0.714 0.683 0.747  0.831 0.769 0.887  0.717 0.687 0.745
0.805 0.734 0.873  0.709 0.679 0.737  0.832 0.757 0.892  0.720 0.689 0.751
0.807 0.733 0.871  0.712 0.682 0.744  0.840 0.775 0.894  0.715 0.682 0.746
0.812 0.743 0.871  0.721 0.691 0.749  0.837 0.767 0.892  0.728 0.695 0.759
0.811 0.739 0.875  0.717 0.687 0.745  0.841 0.768 0.895  0.723 0.692 0.754
"""
_SPECIFICITY = """
0.401 0.146 0.689  0.365 0.282 0.439  0.448 0.120 0.716  0.348 0.262 0.436
0.450 0.089 0.610  0.365 0.258 0.418  0.474 0.162 0.673  0.345 0.250 0.411
0.503 0.218 0.666  0.349 0.312 0.444  0.554 0.249 0.703  0.383 0.304 0.437
0.427 0.138 0.667  0.379 0.271 0.472  0.475 0.074 0.724  0.413 0.259 0.458
0.489 0.123 0.629  0.389 0.314 0.438  0.597 0.181 0.713  0.378 0.304 0.437
0.417 0.179 0.707  0.374 0.312 0.434  0.585 0.197 0.729  0.379 0.288 0.435
0.466 0.126 0.692  0.399 0.313 0.446  0.553 0.141 0.744  0.400 0.293 0.446
"""
_MATTHEWS = """
0.031 0.008 0.064  0.057 0.042 0.072  0.035 0.001 0.067  0.054 0.038 0.071
0.035 -0.005 0.052  0.057 0.037 0.068  0.037 0.006 0.063  0.054 0.036 0.067
0.040 0.011 0.061  0.054 0.046 0.073  0.046 0.015 0.068  0.061 0.045 0.072
0.033 0.003 0.060  0.060 0.040 0.078  0.038 -0.005 0.070  0.066 0.037 0.076
0.039 0.001 0.054  0.062 0.047 0.072  0.051 0.009 0.068  0.060 0.046 0.072
0.032 0.008 0.068  0.059 0.047 0.070  0.049 0.010 0.071  0.060 0.043 0.071
0.037 0.002 0.063  0.064 0.048 0.074  0.045 0.004 0.072  0.064 0.045 0.074
"""


def _table(text: str) -> dict[tuple[str, str, str], Row]:
    rows = [[float(word) for word in line.split()] for line in text.split("\n") if line]
    return {
        (name, *column): (numbers[3 * k], numbers[3 * k + 1], numbers[3 * k + 2])
        for name, numbers in zip(_ROWS, rows, strict=True)
        for k, column in enumerate(_COLUMNS)
    }


TABLES: dict[str, tuple[str, dict[tuple[str, str, str], Row]]] = {
    "auc": ("Table II: AUC, breast-wise", _table(_AUC)),
    "specificity_at_90": ("Table III: specificity at 90 % sensitivity, breast-wise", _table(_SPECIFICITY)),
    "matthews_at_90": ("Table IV: Matthews correlation at 90 % sensitivity, breast-wise", _table(_MATTHEWS)),
}
"""Metric -> title and (row, module, class) -> value with interval."""

TABLE_V: dict[tuple[str, str], tuple[float, float]] = {
    ("FFDM", "malignant"): (0.208, 0.111),
    ("FFDM", "benign"): (0.138, 0.053),
    ("Synthetic 2D", "malignant"): (0.181, 0.101),
    ("Synthetic 2D", "benign"): (0.162, 0.082),
    ("DBT", "malignant"): (0.162, 0.066),
    ("DBT", "benign"): (0.141, 0.060),
}
"""Table V, ensembles of five: (row, class) -> (DSC, PxAP); DBT on the maximum projection."""

IMAGE_AUC_DBT = {"malignant": (0.809, 0.761, 0.852), "benign": (0.704, 0.683, 0.728)}
"""Image-wise AUC on DBT (3D-GMIC VII-B, NYU Combo v1)."""

GMIC_INDICATED = 0.781
"""Share of annotated images whose lesions the patches of GMIC cover by at least 70 % (GMIC 3.5)."""

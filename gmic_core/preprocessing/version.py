"""The version of the steps in this package; results are kept per version."""

PREPROCESSING_VERSION = "1"
"""Raised whenever any image would reach a network with other pixels or another window than before."""

"""Saliency against segmentations: one image on the annotator's bench, or a whole folder."""

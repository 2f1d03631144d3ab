"""Segmentations on screen: label maps, strokes on them, and how they are shown. No Qt."""

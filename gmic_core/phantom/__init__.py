"""Simulated breasts: images with a known truth where no real ones can be redistributed.

What is made here looks like a mammogram but comes from no patient; every object says so in its patient name
(``SIMULATED^BREAST``) and its Content Qualification (``RESEARCH``). Nothing is imported here: the demo asks
:mod:`gmic_core.phantom.demo_exam` whether its files are there without waiting for scipy and OpenCV.
"""

"""Parity data of the published networks; see README.md."""

"""Simulated breasts with known truth."""

"""How good a network is: classification, localisation, and intervals for both. Imports no torch."""

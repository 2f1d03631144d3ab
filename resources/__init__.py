"""Data files, no code: hanging protocols, icons, fonts, theme."""

"""State without a GUI: session, viewports, hanging, overlays, results."""

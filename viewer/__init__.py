"""The application: windows, gestures, reading sessions."""

"""What an exam is and how it is read."""

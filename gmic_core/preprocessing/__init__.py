"""From stored pixels to network input, and back."""

"""What annotators draw: label maps as files, where they lie on an image, and the lesions in them."""

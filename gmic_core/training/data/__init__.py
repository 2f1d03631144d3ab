"""Where training images come from: folders of exams, stores of digital breasts, mini-MIAS."""

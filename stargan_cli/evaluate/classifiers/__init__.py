"""The classifiers that read what a translation shows: networks, fitting, files."""

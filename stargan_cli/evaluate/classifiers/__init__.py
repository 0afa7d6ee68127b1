"""Classifiers that read attributes from translated pictures: networks, fitting, files."""

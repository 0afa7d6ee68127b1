"""Batch image translation with StarGAN (Choi et al., CVPR 2018, arXiv 1711.09020)."""

__version__ = "0.1.0"

"""Compiled kernels (C, one shared library, loaded through ctypes) and their typed border."""

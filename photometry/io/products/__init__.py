"""HDF5 products between the rules: cubes, lists of frames, movement kernels, PRFs, fits of tiles.

Versioned; readers refuse layouts that they do not know.
"""

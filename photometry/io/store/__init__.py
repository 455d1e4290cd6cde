"""Our own files on disk: provenance, atomic writes, full disks, ECSV tables.

Whatever writes a product does it through here.
"""

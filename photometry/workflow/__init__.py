"""What the rules need before and around jobs: settings, plan of regions and tiles, digests, logs.

Never imports Snakemake.
"""

"""Templates: versions that a team shares, and the built-in ones; copies of them, and what they take over later.

What runs of them cost and took, and so the pages, are in ``runs/gallery``.
"""

"""Groups and projects: the tree, its visibility, and which project owns an image path."""

"""Other servers of the site: which there are, and how they are talked to."""

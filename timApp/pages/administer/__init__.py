"""The pages of administrators: what there is, who was where."""

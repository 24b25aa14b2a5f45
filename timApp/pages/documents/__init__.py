"""The administrators' pages of documents."""

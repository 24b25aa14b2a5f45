"""The types of the options, each with its range and with words for what a value must be."""

"""Names of people in the paths of addresses."""

from werkzeug.routing import PathConverter


class NameConverter(PathConverter):
    """Takes any name that a person may have; unlike a path it may begin with a slash, too."""

    part_isolating = False
    regex = ".+?"

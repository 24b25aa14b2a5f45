"""Names of people, and whole paths, in the paths of addresses."""

from werkzeug.routing import BaseConverter, PathConverter


class NameConverter(PathConverter):
    """Takes any name that a person may have; unlike a path it may begin with a slash, too."""

    part_isolating = False
    regex = ".+?"


class RestConverter(BaseConverter):
    """Takes a whole path, of which an address has another one in front."""

    part_isolating = False
    regex = "/.*?"

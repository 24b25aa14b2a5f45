"""What the site knows of a request before it believes any header of it."""

#: In the environ: the address of whoever is connected to the site, which may be a proxy.
PEER = "timapp.peer"
#: In the environ: the headers that came more than once, by the names that they have there. They are
#: one value with commas by then.
REPEATED = "timapp.repeated"

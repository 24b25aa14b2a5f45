"""timApp inside another application: sessions guarded in process, the pages below a prefix.

`timApp.embed.flask.UserSessions` for Flask, `timApp.embed.wsgi.guarded` for any WSGI program,
`timApp.embed.asgi.Guarded` for ASGI, `timApp.embed.django.UserSessions` for Django. The database is
timApp's own: no table of the application is touched.
"""

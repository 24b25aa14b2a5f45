"""How sessions change; `timApp.guard.guard.Guard` is the way in."""

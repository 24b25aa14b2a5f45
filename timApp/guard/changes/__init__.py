"""How sessions begin and change; `timApp.guard.guard.Guard` is the way in."""

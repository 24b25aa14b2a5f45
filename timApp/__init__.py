"""timApp: logins tracked as sessions, limited per person, verified by a supervisor."""

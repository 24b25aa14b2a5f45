"""The database: engine, units of work, base class of the models, column types, migrations."""

"""The database: engine, base class of the models, column types, migrations."""

"""Which seat an address is at."""

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model


class Seat(Model):
    """A network and the seat whose computer has its address in it, as an import has listed them."""

    __tablename__ = "seat"

    #: What it is found by, see `timApp.guard.seats.network`; in order, the widest comes first.
    key: orm.Mapped[str] = orm.mapped_column(
        sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True
    )
    #: The network as people write it; without a prefix if it is one address.
    network: orm.Mapped[str]
    #: What the seat is called. It may have several networks.
    name: orm.Mapped[str]

    __table_args__ = ({"sqlite_with_rowid": False},)

"""The table of last uses."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from registry_auth.database import Recorded, UtcDateTime


class LastUseRow(Recorded):
    """The last use of one token. It outlives the token; ids are never reused."""

    __tablename__ = "last_uses"

    credential_kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    credential_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64))
    service: Mapped[str] = mapped_column(String(32))

"""The database: engines, sessions and migrations."""

from registry_auth.database.base import Base, UtcDateTime, enum_text
from registry_auth.database.engine import Database
from registry_auth.database.migration import check_schema, check_writable, migrate, prepare_schema

__all__ = ["Base", "Database", "UtcDateTime", "check_schema", "check_writable", "enum_text", "migrate", "prepare_schema"]

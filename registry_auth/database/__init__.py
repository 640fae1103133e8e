"""The database: engines, sessions, pages, caches and migrations."""

from registry_auth.database.base import Base, Recorded, UtcDateTime, bytewise_text, enum_text
from registry_auth.database.copying import copy_to_postgresql
from registry_auth.database.engine import Database
from registry_auth.database.migration import check_schema, check_writable, migrate, prepare_schema
from registry_auth.database.paging import Page, Paging, matches_text, select_page
from registry_auth.database.row_cache import Moment, RememberedRows, RowCache
from registry_auth.database.waiting_writes import WaitingWrites

__all__ = [
    "Base",
    "Database",
    "Moment",
    "Page",
    "Paging",
    "Recorded",
    "RememberedRows",
    "RowCache",
    "UtcDateTime",
    "WaitingWrites",
    "bytewise_text",
    "check_schema",
    "check_writable",
    "copy_to_postgresql",
    "enum_text",
    "matches_text",
    "migrate",
    "prepare_schema",
    "select_page",
]

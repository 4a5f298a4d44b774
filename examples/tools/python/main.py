"""Summaries of what people keep in files: CSV tables and calendars."""

from errand_sdk import about

import calendars
import csv_tables

about("Summarizes CSV tables column by column, and lists the events of iCalendar texts.")

__all__ = ["calendars", "csv_tables"]

"""The report of a run: from plain values to one HTML page for people and one CSV table for programs."""

from archwright.report._facts import Facts
from archwright.report._page import html
from archwright.report._summary import summary

__all__ = ["Facts", "html", "summary"]

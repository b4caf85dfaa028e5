"""Reports: from plain values to one HTML page for people and, of a run, one CSV table for programs."""

from archwright.report._compressed import compression
from archwright.report._estimators import estimators_html
from archwright.report._facts import Facts
from archwright.report._page import html
from archwright.report._strategies import strategies_html
from archwright.report._summary import summary

__all__ = ["Facts", "compression", "estimators_html", "html", "strategies_html", "summary"]

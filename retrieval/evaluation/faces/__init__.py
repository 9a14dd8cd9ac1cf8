"""Faces of labelled people: protocols on scores, with intervals by drawing people anew."""

"""The exercises of the lessons: one module for each notebook that has one.

Theory
------
A notebook shows the task and has a place for the answer. How the answer is judged, and the runs that refute
the popular wrong ones, stand here: they are code like any other, are tested like any other, and a learner
who wants to know how the judge knows can read it.
"""

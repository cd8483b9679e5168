"""The stage: a recorded run as a picture that moves, one that stands still, a graph, and a plot.

Theory
------
Everything that is shown comes from the recording. :mod:`amqplab.stage.scene` turns it into one JSON value,
from which the browser plays forth and back without asking Python again; :mod:`amqplab.stage.svg` draws the
same layout where nothing runs.
"""

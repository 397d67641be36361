"""The review app: pages that read the workspace and show the one view model of ``rai_tune.reporting``.

``navigation`` lists the pages (files under ``pages/``), ``reading`` and ``listing`` turn the store into what a page
shows, ``sections`` draw parts of the run page, ``components`` are the only things that put text of data on a screen.
Text of data is never markup here: it goes through ``components`` or a data frame's cells, never through Markdown or
HTML, and never into a label of a widget.
"""

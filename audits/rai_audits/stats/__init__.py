"""Honest uncertainty for counts and scores: numpy and scipy only, vectorised over arrays.

One rate: ``rates``. Two: ``differences`` and ``ratios`` (intervals), ``two_rates`` (tests), ``equivalence`` (two one-sided tests; claims
about every group). Many groups: ``pairs`` (all ordered pairs), ``multiplicity`` (adjusted p-values), ``shrinkage``, ``stratified``,
``inequality``. Same rows twice: ``paired``. Scores: ``auc``, ``means``, ``ranked`` (bootstrap of sorted rows). Any function of counts:
``resample``; of rows that belong together: ``cluster``. Weights: ``weights`` (effective rows). Planning: ``power`` (the smallest gap that
would be seen), ``sample_size`` (rows that would settle a claim). Import from the module itself; nothing is imported here, so that
one interval does not load the others. Stable API.
"""

"""Honest uncertainty for counts and scores: numpy and scipy only, vectorised over arrays.

``rates`` (one rate), ``differences`` and ``ratios`` (two rates), ``pairs`` (all ordered pairs of groups), ``multiplicity`` (adjusted
p-values), ``resample`` (bootstrap of counts), ``auc`` (area under the ROC curve), ``sample_size`` (rows that would settle a claim).
Import from the module itself; nothing is imported here, so that one interval does not load the others. Stable API.
"""

"""Parts of the run page. Each draws one part of the view and computes nothing."""

"""Entry of the review app: ``raitune ui``, or ``streamlit run app.py``. Page config, navigation, run."""

import streamlit as st

from rai_tune.review.navigation import pages
from rai_tune.review.warming import warm

warm()
st.set_page_config(page_title="rai-tune", layout="wide")
st.navigation(pages(), position="top").run()

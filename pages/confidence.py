"""What the model of one run says about its samples: distributions and predictions, before, after and reference."""

from __future__ import annotations

from pages._distributions.confidence_sections import distribution_section, matrix_section
from pages._distributions.samples_page import show_samples
from pages._frame.page_records import Page

PAGE = Page(
    id="confidence",
    title="Confidence",
    icon=":material/bar_chart:",
    help="How sure the model is of forget, retain and unseen samples, before and after.",
    purpose="how sure the model is of forget, retain and unseen samples",
    section="One run",
    order=4,
    needs="rounds",
)

show_samples(PAGE, (distribution_section, matrix_section))

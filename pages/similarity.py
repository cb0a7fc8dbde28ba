"""How alike one run's model finds views, samples and classes: before, after, at any round and in the reference."""

from __future__ import annotations

from pages._distributions.samples_page import show_samples
from pages._distributions.similarity_sections import class_section, distribution_section
from pages._frame.page_records import Page

PAGE = Page(
    id="similarity",
    title="Similarity",
    icon=":material/compare_arrows:",
    help="How alike views, samples and classes are to the model: members against non-members.",
    purpose="cosines of two views and to the own class, members against non-members, and class against class",
    section="One run",
    order=5,
    needs="rounds",
)

show_samples(PAGE, (distribution_section, class_section))

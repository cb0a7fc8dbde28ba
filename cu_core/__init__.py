"""Backend of Unlearnscope: datasets, models, unlearning methods, runs and figures.

Nothing in this package imports streamlit. The parts that a page reads (records, specifications,
`cu_core.runstore`, `cu_core.figures`) import neither torch nor scikit-learn nor umap.

Importing it, or anything in it, fills the registries: the packages named here add their entries to them.
"""

from cu_core import methods as methods

__version__ = "0.1.0"

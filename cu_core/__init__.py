"""Backend of Unlearnscope: datasets, models, unlearning methods, runs and figures.

Nothing in this package imports streamlit. The parts that a page reads (records, specifications,
`cu_core.runstore`, `cu_core.figures`) import neither torch nor scikit-learn nor umap.

Importing it, or anything in it, fills the registries: the packages named here add their entries to them, from the
lowest floor upwards: presets are made of methods.
"""

import cu_core.data.forget_kinds
import cu_core.metrics.attacks
import cu_core.learning.backbones
import cu_core.learning.objectives
import cu_core.methods
import cu_core.projections
import cu_core.analysis.papers

from cu_core.base.version import __version__ as __version__

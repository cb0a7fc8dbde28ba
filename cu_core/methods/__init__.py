"""Unlearning methods: the explicit list. Plug-ins come through the entry-point group ``unlearnscope.methods``.

Each file adds its records to the registry; they are listed in the order of these lines.
"""

import cu_core.methods.contrastive
import cu_core.methods.clip_contrastive
import cu_core.methods.alignment_calibration
import cu_core.methods.amun
import cu_core.methods.bad_teacher
import cu_core.methods.boundary_expanding
import cu_core.methods.boundary_shrink
import cu_core.methods.last_blocks
import cu_core.methods.conv_transpose
import cu_core.methods.delete
import cu_core.methods.finetune
import cu_core.methods.fisher
import cu_core.methods.ascent
import cu_core.methods.gradient_penalty
import cu_core.methods.jit
import cu_core.methods.lcodec
import cu_core.methods.lotus
import cu_core.methods.masked_small_gradients
import cu_core.methods.mu_mis
import cu_core.methods.negmerge
import cu_core.methods.weight_negation
import cu_core.methods.output_filter
import cu_core.methods.random_label
import cu_core.methods.retrain
import cu_core.methods.rewind_to_delete
import cu_core.methods.salun
import cu_core.methods.scrub
import cu_core.methods.sisa
import cu_core.methods.sfr_on
import cu_core.methods.ssd
import cu_core.methods.unsir
import cu_core.methods.given

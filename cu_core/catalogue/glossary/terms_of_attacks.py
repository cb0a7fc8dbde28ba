"""Entries of the glossary: membership attacks."""

from __future__ import annotations

from cu_core.catalogue.glossary.term import Term, TermFamily

ATTACK_TERMS = TermFamily(
    "attacks",
    "Membership attacks",
    (
        Term(
            "membership-attack",
            "Membership attack",
            "An attempt to tell by a model's answers which samples it was trained on: forget samples are the members, "
            "unseen ones of the same classes the others.",
            "An attack at 50 % is no proof that nothing is left: another attack, or the same fitted anew, may still "
            "succeed.",
            "Attack shows all of them before, after and on the reference.",
            pages=("attack", "verdict"),
            aliases=("membership", "member", "members", "non-members", "membership inference", "attacks"),
            related=("auc", "transferred", "deep-audit"),
        ),
        Term(
            "transferred",
            "Transferred",
            "Fitted on the model before unlearning and applied to the one after: an attacker who does not know that "
            "anything was unlearned.",
            "Failing is the easy part: after unlearning losses lie elsewhere, the old threshold accuses nobody, and "
            "half of the judgements are right by chance.",
            "A way of each attack on Attack; a column of Compare.",
            pages=("attack", "compare"),
            aliases=("attack AUC, transferred",),
            related=("refitted", "shadow"),
        ),
        Term(
            "refitted",
            "Re-fitted",
            "Fitted on answers of the very model that is attacked: an attacker who knows that unlearning happened and "
            "knows some of the forgotten samples.",
            "It judges no sample that it was fitted on: what judges one half was fitted on the other.",
            "A way of each attack on Attack; a column of Compare.",
            pages=("attack", "compare"),
            aliases=("refitted", "attack AUC, re-fitted"),
            related=("transferred", "shadow"),
        ),
        Term(
            "shadow",
            "Shadow model",
            "A model that the attacker trained, to learn there how members look; here the reference, or in a deep "
            "audit many models.",
            "It is not the attacked model: it teaches how members look in general, not who they are.",
            "A way of each attack on Attack; the deep audit trains its own.",
            pages=("attack", "run"),
            aliases=("shadow", "shadows", "shadow models"),
            related=("transferred", "deep-audit"),
        ),
        Term(
            "auc",
            "AUC",
            "Chance that a member scores above a non-member, whatever the threshold: 0.5 cannot tell, 1 always can.",
            "Below 0.5 is not safer: whoever turns the sign round has as much on the other side. The target is the "
            "reference.",
            "Attack, with its ROC curve; Membership AUC on Run and Compare is that of the loss.",
            pages=("attack", "compare"),
            formula=r"\Pr[s_{\text{member}}>s_{\text{other}}]+\tfrac12\Pr[s_{\text{member}}=s_{\text{other}}]",
            aliases=("membership AUC (loss)", "membership AUC", "area", "ROC", "ROC curve", "Memb. AUC"),
            related=("tpr", "over-unlearning"),
        ),
        Term(
            "tpr",
            "TPR at 1 % FPR",
            "Share of the members that are found while at most 1 % of the others are accused.",
            "With fewer than 100 others, 1 % of them is nobody, and the number is coarse.",
            "Attack, in the table of numbers.",
            pages=("attack",),
            aliases=("true positive rate", "TPR", "FPR"),
            related=("auc", "attack-numbers"),
        ),
        Term(
            "attack-numbers",
            "Attack accuracy, precision, recall",
            "At one threshold: how many judgements are right, how many of the accused are members, how many members "
            "are accused.",
            "Accuracy is an average: an attack that is sure of a few samples and guesses the others looks harmless "
            "and harms those few. An attack that accuses everybody has full recall and knows nothing.",
            "Attack, in the table of numbers.",
            pages=("attack",),
            aliases=("attack accuracy", "precision", "recall"),
            related=("tpr", "auc"),
        ),
        Term(
            "threshold-attack",
            "Threshold attack",
            "Judges a sample a member if one signal of it passes a level, which is all that is fitted.",
            "Fitted anew it ranks samples as before, so its AUC does not change; only its judgements do.",
            "Attack: loss, confidence, entropy, modified entropy and EncoderMI-T.",
            pages=("attack",),
            formula=r"s(x)\ge t",
            aliases=("loss threshold", "confidence threshold", "entropy threshold", "threshold"),
            related=("learned-attack", "modified-entropy"),
        ),
        Term(
            "modified-entropy",
            "Entropy and modified entropy",
            "Entropy is low where the answer is sure; modified entropy is low only where it is sure and right.",
            "A low entropy says nothing about the label: a sure wrong answer has one too.",
            "Two of the threshold attacks.",
            pages=("attack",),
            formula=r"H=-\sum_k p_k\log p_k\qquad M=-(1-p_y)\log p_y-\sum_{k\ne y}p_k\log(1-p_k)",
            aliases=("entropy", "modified entropy", "modified entropy threshold"),
            related=("threshold-attack", "nats"),
        ),
        Term(
            "learned-attack",
            "Learned attack",
            "A classifier that reads several signals of a sample and says member or not.",
            "Learning more does not make it surer: with few samples to fit on it may do worse than one threshold.",
            "Attack: support vector machine, logistic regression, EncoderMI-V and EncoderMI-S.",
            pages=("attack",),
            aliases=("support vector machine", "logistic regression", "SVM"),
            related=("threshold-attack", "encoder-mi"),
        ),
        Term(
            "encoder-mi",
            "EncoderMI-T, -V, -S",
            "Three attacks that read the cosines between augmented views of an image: by a threshold on their mean "
            "(T), by a network on the sorted vector (V), by one on the set (S).",
            "Alike views are no proof: images with little in them have them in every model.",
            "Attack; made for encoders, and measured on classifiers as well.",
            pages=("attack",),
            aliases=("EncoderMI", "EncoderMI-T", "EncoderMI-V", "EncoderMI-S"),
            related=("two-view", "threshold-attack"),
        ),
        Term(
            "rmia",
            "RMIA",
            "An attack that divides the probability a model gives to a sample's label by the mean that retrained "
            "models give to it.",
            "What is easy for everybody counts for nobody. Of a whole forgotten class an AUC near 0 is what retrained "
            "models have, too: they know the other classes, and not this one.",
            "Questions Remembers and Attack of the verdict (Zarifzadeh et al., ICML 2024).",
            pages=("verdict",),
            formula=r"\frac{p(x\mid\mathrm{model})}{\tfrac12\,\big((1+a)\,\bar p(x)+1-a\big)}",
            related=("iam", "shadow"),
        ),
        Term(
            "iam",
            "IAM",
            "An attack that asks how far a model lies on the way from retrained models to the one before unlearning, "
            "sample by sample.",
            "It needs the model before unlearning, which an attacker from outside does not have. Of a whole forgotten "
            "class an AUC near 0 is what retrained models have, too, as with RMIA.",
            "Questions Remembers and Attack of the verdict (arXiv 2506.06112).",
            pages=("verdict",),
            aliases=("interpolated approximate measurement",),
            related=("rmia", "shadow"),
        ),
        Term(
            "deep-audit",
            "Deep audit",
            "What somebody finds out who knows the method, and trains and unlearns many models of their own.",
            "No difference found means that these attacks with so many shadow models found none.",
            "A section of a finished run's page; a run of its own.",
            pages=("run",),
            aliases=("U-LiRA", "LiRA", "RULI", "KLoM", "privacy", "efficacy"),
            related=("shadow", "membership-attack"),
        ),
    ),
)

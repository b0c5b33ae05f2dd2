"""Late fusion: of the models of a system, fold by fold, also where a modality is missing."""

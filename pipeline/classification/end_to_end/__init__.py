"""A network on aligned faces and its LSTM, fine-tuned together per fold (Ouyang et al. 2017, 3.2, 6.2)."""

"""Training: HF Trainer and PEFT with guards, threshold choice, prediction and the saved model."""

"""What makes results: data, training, experiments, the ledger. Needs `flowlib[lab]`."""

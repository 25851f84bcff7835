"""What makes pages: figures, widgets, running examples. Needs `flowlib[book]`."""

"""Data: files to tensors (`mnist`), tensors to videos (`motion`)."""

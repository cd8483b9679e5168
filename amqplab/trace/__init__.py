"""What happened: typed events, the recorder, and pure readers of the record."""

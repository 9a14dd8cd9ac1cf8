"""What makes a text classifier: examples, a linear layer or an LSTM, and what is fitted after."""

"""From PyTorch checkpoints of TrOCR to ONNX. Needs the extra `export`; nothing else imports it: it is run by itself."""

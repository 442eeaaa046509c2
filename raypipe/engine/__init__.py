"""ONNX Runtime: sessions, what they run on, and batches, memory and float16 on a GPU. Nothing else imports it."""

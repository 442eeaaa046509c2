"""From published networks to those that raypipe runs: TrOCR from PyTorch to ONNX, PP-OCR's heads cut to Latin script.

Needs the extra `export`; nothing else imports it: it is run by itself.
"""

"""Converts published networks to those that raypipe runs: TrOCR from PyTorch to ONNX, PP-OCR's heads to Latin script.

It needs the extra `export` and is run as a program of its own: no other package imports it.
"""

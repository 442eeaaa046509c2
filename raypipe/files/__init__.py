"""Bytes of files, wherever they are: on a disk, in a bucket, behind a web address, in an archive or a table."""
